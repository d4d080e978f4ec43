"""What an encoder's scores mean: searches in a temporary catalogue, of songs that it holds and of others."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from songradar.catalogue import Catalogue
from songradar.db.search import Question, find_matches
from songradar.evaluate import (
    absent_songs,
    answer,
    distinct,
    fill,
    known_songs,
    question,
    search_all,
    usable_conditions,
)
from songradar.events import Listener, Note, counter, ignore
from songradar.ml.conditions import Surroundings
from songradar.ml.errors import TrainingDataError
from songradar.ml.evaluation import Outcome, SearchResult
from songradar.ml.files import AudioFile
from songradar.ml.package import read_package
from songradar.ml.queries import Query, questions

NAME = "candidate"
PURPOSE, PURPOSE_ALONE = 1, 2
"""Added to the seed, so that no evaluation draws the same queries."""


@dataclass(frozen=True)
class Calibration:
    """The weights for the confidence, None where there is too little music, and the numbers of queries behind them."""

    weights: dict[str, Any] | None
    n_present: int
    n_right: int
    n_absent: int


def calibrate(
    folder: Path,
    songs: Sequence[AudioFile],
    is_held_out: Callable[[AudioFile], bool],
    surroundings: Surroundings,
    seconds: Sequence[float],
    per_cell: int,
    seed: int,
    listen: Listener = ignore,
) -> Calibration:
    """Fit the confidence of the encoder in `folder`. Needs scipy, which comes with songradar[train].

    A temporary catalogue holds `songs` except every second one of those held out. Recordings of all songs held out are
    made under all conditions but the article's, and searched in it, as is noise without music. For each condition and
    length, `per_cell` recordings are of songs that the catalogue holds, and as many of songs that it does not. With 0,
    no catalogue is made and nothing is searched. A fourth as many are also searched in catalogues of a single song.
    """
    if not per_cell:
        return Calibration(None, 0, 0, 0)
    from songradar.ml.training.calibration import calibrate as fit  # scipy

    package = replace(read_package(folder, NAME), calibration=None)
    conditions = [condition for condition in usable_conditions(surroundings, listen) if not condition.aligned]
    songs = distinct(songs, listen=listen)
    held_out = [song for song in songs if is_held_out(song)]
    missing, there = held_out[::2], held_out[1::2]
    with Catalogue.temporary() as catalogue:
        encoder = fill(catalogue, package, [song.path for song in songs if song not in missing], None, listen)
        songs_there = known_songs(catalogue, there)
        asked = songs_there + absent_songs(missing, listen)
        posed = questions(asked, conditions, seconds, per_cell, 2 * per_cell, surroundings, [seed, PURPOSE])
        search = partial(answer, catalogue=catalogue, encoder=encoder)
        outcomes = search_all(*posed, {NAME: search}, listen)[NAME]
        fewer = math.ceil(per_cell / 4)
        queries, total = questions(asked, conditions, seconds, fewer, 2 * fewer, surroundings, [seed, PURPOSE_ALONE])
        advance, to_ask = counter("encoding", total, listen), []
        for query in queries:
            to_ask.append((replace(query, wave=query.wave[:0], song=query.song[:0]), question(query.wave, encoder)))
            advance()
        with catalogue.connection() as connection:
            alone = search_alone(connection, to_ask, [song.source for song in songs_there], seed)
    present = [outcome for outcome in outcomes if outcome.query.source]
    try:
        weights = fit(outcomes, alone)
    except TrainingDataError as error:
        listen(Note(f"no calibration: {error}"))
        weights = None
    return Calibration(weights, len(present), sum(outcome.right for outcome in present), len(outcomes) - len(present))


def search_alone(
    connection: psycopg.Connection,
    asked: Iterable[tuple[Query, Question | None]],
    sources: Sequence[str],
    seed: int,
) -> list[Outcome]:
    """Put each query to a catalogue of its own song alone, and of another song drawn at random."""
    rng = np.random.default_rng([seed, PURPOSE_ALONE])
    of_song = defaultdict(list)
    for query, put in asked:
        for source in dict.fromkeys((query.source, str(rng.choice(sources)))):
            if source and put is not None:
                of_song[source].append((replace(query, source=source if query.source == source else ""), put))
    outcomes = []
    for source, mine in of_song.items():
        with only_song(connection, source):
            outcomes += [Outcome(query, SearchResult(find_matches(connection, put), 0, 0)) for query, put in mine]
    return outcomes


@contextmanager
def only_song(connection: psycopg.Connection, source: str) -> Iterator[None]:
    """The catalogue without all other songs, until the block ends."""
    with connection.transaction(force_rollback=True):
        connection.execute("DELETE FROM songradar.songs WHERE source <> %s", [source])
        yield
