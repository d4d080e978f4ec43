"""What an encoder's scores mean: searches in a temporary catalogue, of songs that it holds and of others."""

import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.evaluate import absent_songs, answer, distinct, known_songs, question, search_all, usable_conditions
from cli.output import progress, warn
from cli.temporary import fill, temporary_catalogue

if TYPE_CHECKING:
    import psycopg

    from db.search import Question
    from ml.conditions import Surroundings
    from ml.evaluation import Outcome
    from ml.files import AudioFile
    from ml.queries import Query

NAME = "candidate"
PURPOSE, PURPOSE_ALONE = 1, 2
"""Parts of the seed, so that no evaluation asks the same questions."""


@dataclass(frozen=True)
class Calibration:
    """The weights for the confidence, None where the music is too little to tell, and what they were fitted on."""

    weights: dict[str, Any] | None
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
    others not; `per_cell` of either for each condition and length; none for 0, without a catalogue. A fourth as many
    are searched in catalogues of one song, too.
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
        songs_there = known_songs(connection, there)
        asked = songs_there + absent_songs(missing)
        queries, total = questions(asked, conditions, seconds, per_cell, 2 * per_cell, around, [seed, PURPOSE])
        search = partial(answer, connection=connection, stored=stored, encoder=encoder)
        outcomes = search_all(queries, {NAME: search}, total)[NAME]
        few = math.ceil(per_cell / 4)
        queries, total = questions(asked, conditions, seconds, few, 2 * few, around, [seed, PURPOSE_ALONE])
        to_ask = []
        with progress("encoding", total) as advance:
            for query in queries:
                put = question(query.wave, stored, encoder)
                to_ask.append((replace(query, wave=query.wave[:0], song=query.song[:0]), put))
                advance()
        alone = search_alone(connection, to_ask, [song.source for song in songs_there], seed)
    present = [outcome for outcome in outcomes if outcome.query.source]
    try:
        weights = fit(outcomes, alone)
    except TrainingDataError as error:
        warn(f"no calibration: {error}")
        weights = None
    return Calibration(weights, len(present), sum(outcome.right for outcome in present), len(outcomes) - len(present))


def search_alone(
    connection: "psycopg.Connection",
    asked: "Iterable[tuple[Query, Question | None]]",
    sources: Sequence[str],
    seed: int,
) -> "list[Outcome]":
    """Put each query to a catalogue of its own song alone, and of another song drawn at random."""
    import numpy as np

    from db.search import find_matches
    from ml.evaluation import Answer, Outcome

    rng = np.random.default_rng([seed, PURPOSE_ALONE])
    of_song = defaultdict(list)
    for query, put in asked:
        for source in dict.fromkeys((query.source, str(rng.choice(sources)))):
            if source and put is not None:
                of_song[source].append((replace(query, source=source if query.source == source else ""), put))
    outcomes = []
    for source, mine in of_song.items():
        with only_song(connection, source):
            outcomes += [Outcome(query, Answer(find_matches(connection, put), 0, 0)) for query, put in mine]
    return outcomes


@contextmanager
def only_song(connection: "psycopg.Connection", source: str) -> "Iterator[None]":
    """The catalogue without all other songs, until the block ends."""
    with connection.transaction(force_rollback=True):
        connection.execute("DELETE FROM songradar.songs WHERE source <> %s", [source])
        yield
