"""What an encoder's scores mean: searches in a temporary catalogue, of songs that it holds and of others."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cli.evaluate import absent_songs, answer, distinct, known_songs, search_all, usable_conditions
from cli.output import warn
from cli.temporary import fill, temporary_catalogue

if TYPE_CHECKING:
    from ml.conditions import Surroundings
    from ml.files import AudioFile

NAME = "candidate"
PURPOSE = 1
"""Part of the seed, so that no evaluation asks the same questions."""


@dataclass(frozen=True)
class Calibration:
    """The weights for the confidence, None where the music is too little to tell, and what they were fitted on."""

    weights: dict[str, float] | None
    n_present: int
    n_right: int
    n_absent: int


def calibrate(
    folder: Path,
    songs: "Sequence[AudioFile]",
    is_held_out: "Callable[[AudioFile], bool]",
    around: "Surroundings",
    seconds: Sequence[float],
    per_cell: int,
    seed: int,
) -> Calibration:
    """Fit the confidence of the encoder in `folder`.

    A temporary catalogue holds `songs`, less every second one of those held out. Recordings of the songs held out, and
    of noise without music, are searched in it under all conditions but the article's: of some the song is there, of the
    others not; `per_cell` of either for each condition and length; none for 0, without a catalogue.
    """
    if not per_cell:
        return Calibration(None, 0, 0, 0)
    from cli.encoders import read_folder
    from db.engine import connect
    from ml.errors import TrainingDataError
    from ml.queries import questions
    from ml.training.calibration import calibrate as fit

    new = replace(read_folder(folder), calibration=None, name=NAME)
    conditions = [condition for condition in usable_conditions(around) if not condition.aligned]
    songs = distinct(songs)
    held_out = [song for song in songs if is_held_out(song)]
    missing, there = held_out[::2], held_out[1::2]
    with temporary_catalogue(), connect() as connection:
        paths = [song.path for song in songs if song not in missing]
        stored, encoder = fill(connection, new, paths, os.cpu_count() or 1)
        asked = known_songs(connection, there) + absent_songs(missing)
        queries, total = questions(asked, conditions, seconds, per_cell, 2 * per_cell, around, [seed, PURPOSE])
        search = partial(answer, connection=connection, stored=stored, encoder=encoder)
        outcomes = search_all(queries, {NAME: search}, total)[NAME]
    present = [outcome for outcome in outcomes if outcome.query.source]
    absent = [outcome for outcome in outcomes if not outcome.query.source]
    try:
        weights = fit(present, absent)
    except TrainingDataError as error:
        warn(f"no calibration: {error}")
        weights = None
    return Calibration(weights, len(present), sum(outcome.right for outcome in present), len(absent))
