"""Put recordings to an encoder: among all songs of a catalogue, among all but their own, and among few."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import psycopg

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db.search import Question, find_matches
from songradar.events import Listener, Note, counter, ignore
from songradar.filler import store_made
from songradar.ml.audio import Wave, resample
from songradar.ml.augmentation import through_codec
from songradar.ml.encoder import Fingerprint
from songradar.ml.errors import NothingToHear
from songradar.ml.outcomes import Among, Outcome, SearchResult, judge
from songradar.ml.queries import RATE_HZ, Query

FEW = {Among.ONE: 1, Among.PAIR: 1, Among.TEN: 10}
"""Songs in small catalogues; that of a pair holds another file of its song, too."""

ONE_IN = 4
"""Of the recordings, every so-manieth is also searched among few songs."""

TWINS_CODEC = "mp3"
"""What a second file of a song has been through."""

AMONG_FEW = 1
"""Added to the seed that draws which small catalogue a query is a stranger to."""

LIMIT = 2
"""Candidates asked for: the answer, and what may be another file of its recording."""

_COPY = """
    INSERT INTO songradar.encoders (name, sha256, spec, calibration, cohort, onnx)
    SELECT 'few', sha256(sha256), spec, calibration, cohort, '' FROM songradar.encoders WHERE id = %s
    RETURNING id
"""

_FILL = """
    WITH encoded AS (
        INSERT INTO songradar.encodings (encoder_id, song_id, n_fragments)
        SELECT %(few)s, e.song_id, e.n_fragments
          FROM songradar.encodings AS e
         WHERE e.encoder_id = %(whole)s AND e.song_id = ANY (%(songs)s)
    )
    INSERT INTO songradar.fragments (encoder_id, song_id, position, embedding)
    SELECT %(few)s, f.song_id, f.position, f.embedding
      FROM songradar.fragments AS f
     WHERE f.encoder_id = %(whole)s AND f.song_id = ANY (%(songs)s)
"""


@dataclass(frozen=True)
class Asked:
    """A query without its sound, and how it was put.

    `sounds_alike` says that a song in the catalogue that is not the query's sounds the same there.
    """

    query: Query
    put: Question
    sounds_alike: bool = False


class Examiner:
    """Asks one encoder of a catalogue and keeps the outcomes, less those that are ambiguous."""

    def __init__(self, catalogue: Catalogue, encoder: LoadedEncoder) -> None:
        self._catalogue, self.encoder = catalogue, encoder
        self._asked: list[Asked] = []
        self._n_asked = 0
        self._twins: dict[str, Fingerprint] = {}
        self.outcomes: list[Outcome] = []
        self.n_ambiguous = 0

    def ask(self, query: Query) -> None:
        """Search the whole catalogue, and then without the query's own song, as if that were absent."""
        started = time.perf_counter()
        put = question(query.wave, self.encoder)
        encode_ms = 1000 * (time.perf_counter() - started)
        if put is None:
            self._keep(judge(query, None))
            return
        with self._catalogue.connection() as connection:
            absent = found = judge(query, _found(connection, put, encode_ms))
            self._keep(found)
            if query.source:
                with without(connection, query.source):
                    absent = judge(replace(query, source=""), _found(connection, put, encode_ms))
                self._keep(replace(absent, among=Among.OTHERS))
        self._n_asked += 1
        if self._n_asked % ONE_IN == 0:
            if query.source:
                self._ask_among_twins(query, put)
                if not absent.ambiguous:  # both files taken out: the same search
                    self.outcomes.append(replace(absent, among=Among.TWINS))
            self._asked.append(Asked(found.query, put, absent.ambiguous))

    def ask_again(self, among: Among) -> Iterator[None]:
        """Search the whole catalogue, which has changed, with and without a query's own song; yields after each."""
        for asked in self._asked:
            with self._catalogue.connection() as connection:
                if asked.query.source:
                    self.outcomes.append(Outcome(asked.query, _found(connection, asked.put, 0.0), among=among))
                if not asked.sounds_alike:
                    absent = replace(asked.query, source="")
                    with without(connection, asked.query.source):
                        self.outcomes.append(Outcome(absent, _found(connection, asked.put, 0.0), among=among))
            yield

    @property
    def n_again(self) -> int:
        """How many queries `ask_again` puts."""
        return len(self._asked)

    def ask_among_few(self, sources: Sequence[str], seed: Sequence[int]) -> Iterator[None]:
        """Search small catalogues made of `sources`: one that holds a query's song, and one that does not.

        Yields after each catalogue.
        """
        rng = np.random.default_rng(list(seed))
        for among, size in FEW.items():
            if among == Among.PAIR:
                sources = [source for source in sources if source in self._twins]
            groups = [sources[i : i + size] for i in range(0, len(sources), size)]
            at = {source: number for number, group in enumerate(groups) for source in group}
            mine: list[list[Asked]] = [[] for _ in groups]
            for asked in self._asked if groups else ():
                own = at.get(asked.query.source)
                if own is not None:
                    mine[own].append(asked)
                other = int(rng.integers(len(groups)))
                if other != own:
                    mine[other].append(Asked(replace(asked.query, source=""), asked.put))
            for group, questions in zip(groups, mine, strict=True):
                self._ask_among(among, group, questions)
                yield

    def _ask_among(self, among: Among, sources: Sequence[str], asked: Sequence[Asked]) -> None:
        with self._catalogue.connection() as connection, only(connection, self.encoder.id, sources) as few:
            if among == Among.PAIR:
                stored = replace(self.encoder.stored, id=few)
                self._store_twin(connection, sources[0], replace(self.encoder, stored=stored))
            for one in asked:
                answer = _found(connection, replace(one.put, encoder_id=few), 0.0)
                self.outcomes.append(Outcome(one.query, answer, among=among))

    def _ask_among_twins(self, query: Query, put: Question) -> None:
        """Search the whole catalogue with another file of the query's song in it."""
        if query.source not in self._twins:
            worn = through_codec(query.song, RATE_HZ, TWINS_CODEC)
            blocks = [resample(worn, RATE_HZ, self.encoder.network.spec.sample_rate_hz)]
            self._twins[query.source] = self.encoder.network.fingerprint_song(blocks)
        with self._catalogue.connection() as connection, connection.transaction(force_rollback=True):
            self._store_twin(connection, query.source, self.encoder)
            answer = _found(connection, put, 0.0)
        self.outcomes.append(
            Outcome(replace(query, wave=query.wave[:0], song=query.song[:0]), answer, among=Among.TWINS)
        )

    def _store_twin(self, connection: psycopg.Connection, source: str, encoder: LoadedEncoder) -> None:
        """Store a song's other file, from another host but of the same source: to name either is right."""
        twin = self._twins[source]
        store_made(connection, encoder, source, twin.positions, twin.embeddings)

    def _keep(self, outcome: Outcome) -> None:
        if outcome.ambiguous:
            self.n_ambiguous += 1
        else:
            self.outcomes.append(outcome)


def examine(
    examiners: Mapping[str, Examiner],
    queries: Iterable[Query],
    total: int,
    sources: Sequence[str],
    seed: int,
    listen: Listener = ignore,
) -> None:
    """Put all queries to all encoders, by name; small catalogues are made of the songs `sources`."""
    advance = counter("searching", total, listen)
    for query in queries:
        for examiner in examiners.values():
            examiner.ask(query)
        advance()
    n_small = len(examiners) * sum(-(-len(sources) // size) for size in FEW.values())
    advance = counter("searching among few songs", n_small, listen)
    for name, examiner in examiners.items():
        for _ in examiner.ask_among_few(sources, [seed, AMONG_FEW]):
            advance()
        if examiner.n_ambiguous:
            reason = "a song in the catalogue sounds the same there"
            listen(Note(f"{name}: {examiner.n_ambiguous} recordings of absent songs left out: {reason}"))


def question(wave: Wave, encoder: LoadedEncoder) -> Question | None:
    """A recording as match_v1 takes it; None when it is too short or too quiet for the encoder."""
    rate_hz = encoder.network.spec.sample_rate_hz
    try:
        fingerprint = encoder.network.fingerprint_query([resample(wave, RATE_HZ, rate_hz)])
    except NothingToHear:
        return None
    return Question(encoder.id, fingerprint.embeddings, fingerprint.offsets_s, limit=LIMIT)


def _found(connection: psycopg.Connection, put: Question, encode_ms: float) -> SearchResult:
    started = time.perf_counter()
    matches = find_matches(connection, put)
    return SearchResult(matches, encode_ms, 1000 * (time.perf_counter() - started))


@contextmanager
def without(connection: psycopg.Connection, source: str) -> Iterator[None]:
    """The catalogue without a song, until the block ends."""
    with connection.transaction(force_rollback=True):
        connection.execute("DELETE FROM songradar.songs WHERE source = %s", [source])
        yield


@contextmanager
def only(connection: psycopg.Connection, encoder_id: int, sources: Iterable[str]) -> Iterator[int]:
    """The number of an encoder that is the same but has encoded only these songs, until the block ends."""
    with connection.transaction(force_rollback=True):
        songs = "SELECT array_agg(id) FROM songradar.songs WHERE source = ANY (%s)"
        (numbers,) = connection.execute(songs, [list(sources)]).fetchone() or (None,)
        (few,) = connection.execute(_COPY, [encoder_id]).fetchone() or (0,)
        connection.execute("SELECT songradar.add_partition_v1(%s)", [few])
        connection.execute(_FILL, {"few": few, "whole": encoder_id, "songs": numbers})
        yield few
