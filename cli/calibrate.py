"""What an encoder's scores mean: searches in a temporary catalogue, of songs that it holds and of others."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from cli.evaluate import absent_songs, answer, known_songs, search_all, usable_conditions
from cli.output import warn
from cli.temporary import fill, temporary_catalogue

if TYPE_CHECKING:
    from ml.conditions import Surroundings
    from ml.files import AudioFile

NAME = "candidate"


@dataclass(frozen=True)
class Calibration:
    """The weights for the confidence, None where the music is too little to tell, and what they were fitted on."""

    weights: dict[str, float] | None
    n_present: int
    n_right: int
    n_absent: int


def calibrate(
    folder: Path,
    catalogue: "Sequence[AudioFile]",
    held_out: "Sequence[AudioFile]",
    around: "Surroundings",
    seconds: Sequence[float],
    per_cell: int,
    seed: int,
) -> Calibration:
    """Fit the confidence of the encoder in `folder`.

    A temporary catalogue holds `catalogue` and every second song of `held_out`. Recordings of the songs held out, and
    of noise without music, are searched in it under all conditions: of some the song is there, of the others not;
    `per_cell` of either for each condition and length.
    """
    from cli.encoders import read_folder
    from db.engine import connect
    from ml.errors import TrainingDataError
    from ml.evaluation import make_queries, noise_queries, plan
    from ml.training.calibration import calibrate as fit

    new = replace(read_folder(folder), calibration=None, name=NAME)
    conditions = usable_conditions(around)
    there = list(held_out[1::2])
    with temporary_catalogue(), connect() as connection:
        paths = [file.path for file in (*catalogue, *there)]
        stored, encoder = fill(connection, new, paths, os.cpu_count() or 1)
        cuts = plan(known_songs(connection, there), conditions, seconds, per_cell, seed)
        cuts += plan(absent_songs(held_out[::2]), conditions, seconds, per_cell, seed + 1)
        queries = chain(make_queries(cuts, around), noise_queries(2 * per_cell, seconds, around, seed))
        search = partial(answer, connection=connection, stored=stored, encoder=encoder)
        outcomes = search_all(queries, {NAME: search}, len(cuts) + 2 * per_cell * len(seconds))[NAME]
    present = [outcome for outcome in outcomes if outcome.query.source]
    absent = [outcome for outcome in outcomes if not outcome.query.source]
    try:
        weights = fit(present, absent)
    except TrainingDataError as error:
        warn(f"no calibration: {error}")
        weights = None
    return Calibration(weights, len(present), sum(outcome.right for outcome in present), len(absent))
