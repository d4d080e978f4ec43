"""Name the song that a recording is a piece of."""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
import psycopg
from numpy.typing import NDArray

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db import search
from songradar.db.errors import SearchNotKept, ShardDown
from songradar.db.search import Match, Question
from songradar.ml.audio import Wave, decode, resample
from songradar.ml.errors import AudioReadError, NothingToHear
from songradar.ml.files import text_of
from songradar.unfinished import scratch

__all__ = [
    "Answer", "Audio", "Fragments", "Match", "SearchOptions", "identify", "identify_blocks", "identify_fragments",
    "keep", "why_not_kept",
]  # fmt: skip

Audio: TypeAlias = "str | PathLike[str] | bytes | IO[bytes] | tuple[NDArray[np.generic], int]"
"""A recording: a path, the bytes of a file, a binary file object, or samples and their rate in Hz.

Samples, (T,) or (T, channels), are float with full scale 1, or signed integers.
"""

AWAY = "the server that takes changes does not answer"


@dataclass(frozen=True)
class SearchOptions:
    """What is asked of a search beside its recording.

    `limit` candidates are wanted; `encoder` [the active one] encodes the recording; only songs by `artist` and in
    `collection` may be the answer [all]; `exact` compares with every fragment instead of asking the index; `explain`
    brings PostgreSQL's plan; `partial` is whether shards of a cluster may be left out that do not answer.
    """

    limit: int = 5
    encoder: str | None = None
    artist: str | None = None
    collection: str | None = None
    exact: bool = False
    explain: bool = False
    partial: bool = False


@dataclass(frozen=True)
class Fragments:
    """A recording that is encoded: `embeddings` (F, 64) float32 of its fragments, which start at `offsets_s` (F,)."""

    embeddings: NDArray[np.float32]
    offsets_s: NDArray[np.float32]
    duration_s: float


@dataclass(frozen=True)
class Answer:
    """What a search brought: `matches`, best first, of which the first is accepted or not.

    `reason` says why nothing could be compared: the recording is silent, or too short. `timings_ms` are those of
    decode, encode, search and total; `plan` is PostgreSQL's, if asked for. An answer is partial where shards of a
    cluster are `missing`, which did not answer.
    """

    query: str
    encoder: str
    encoder_id: int
    duration_s: float
    matches: list[Match]
    reason: str | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    plan: list[str] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)

    @property
    def matched(self) -> bool:
        """Whether the song is named: the first candidate's confidence reaches the encoder's threshold."""
        return bool(self.matches) and self.matches[0].accepted


def identify(catalogue: Catalogue, audio: Audio, options: SearchOptions = SearchOptions()) -> Answer:
    """Name the song that `audio` is a piece of. Five seconds are usually enough.

    Raises AudioReadError for what is no recording, CatalogueEmpty, EncoderUnknown, SongUnknown.
    """
    name, encoder = name_of(audio), catalogue.encoder(options.encoder, to_search=True)
    with _blocks(audio, name, encoder.network.spec.sample_rate_hz) as blocks:
        return _identify(catalogue, encoder, blocks, options, name)


def identify_blocks(
    catalogue: Catalogue, blocks: Iterable[Wave], options: SearchOptions = SearchOptions(), name: str = "recording"
) -> Answer:
    """The same for a recording that comes in blocks of (t,) float32, at the encoder's sample rate."""
    return _identify(catalogue, catalogue.encoder(options.encoder, to_search=True), blocks, options, name)


def _identify(
    catalogue: Catalogue, encoder: LoadedEncoder, blocks: Iterable[Wave], options: SearchOptions, name: str
) -> Answer:
    started = time.perf_counter()
    _check_choice(catalogue, options)
    stopwatch = _Stopwatch(blocks)
    try:
        found = encoder.network.fingerprint_query(stopwatch)
    except NothingToHear as error:
        with catalogue.searching() as connection:
            search.check_not_empty(connection, encoder.stored)
        return Answer(name, encoder.name, encoder.id, error.duration_s, [], str(error))
    encode_ms = 1000 * (time.perf_counter() - started - stopwatch.spent_s)
    answer = _ask(catalogue, encoder, Fragments(found.embeddings, found.offsets_s, found.duration_s), options, name)
    stages = {"decode": 1000 * stopwatch.spent_s, "encode": encode_ms, "search": answer.timings_ms["search"]}
    stages["total"] = sum(stages.values())
    return replace(answer, timings_ms={stage: round(ms, 1) for stage, ms in stages.items()})


def identify_fragments(
    catalogue: Catalogue, fragments: Fragments, options: SearchOptions = SearchOptions(), name: str = "recording"
) -> Answer:
    """The same for a recording that the encoder has encoded already, here or elsewhere."""
    _check_choice(catalogue, options)
    return _ask(catalogue, catalogue.encoder(options.encoder, to_search=True), fragments, options, name)


def _check_choice(catalogue: Catalogue, options: SearchOptions) -> None:
    if (options.artist is not None or options.collection is not None) and not options.partial:
        with catalogue.searching() as connection:
            search.check_choice(connection, options.artist, options.collection)


def _ask(
    catalogue: Catalogue, encoder: LoadedEncoder, fragments: Fragments, options: SearchOptions, name: str
) -> Answer:
    with catalogue.searching() as connection:
        question = Question(
            encoder.id,
            fragments.embeddings,
            fragments.offsets_s,
            options.limit,
            options.exact,
            artist=options.artist,
            collection=options.collection,
        )
        started = time.perf_counter()
        matches, missing = _found(connection, question, partial=options.partial)
        search_ms = round(1000 * (time.perf_counter() - started), 1)
        if not matches and not missing:
            search.check_not_empty(connection, encoder.stored)
        plan = search.explain(connection, question) if options.explain else []
    timings_ms = {"search": search_ms, "total": search_ms}
    return Answer(name, encoder.name, encoder.id, fragments.duration_s, matches, None, timings_ms, plan, missing)


def _found(connection: psycopg.Connection, question: Question, *, partial: bool) -> tuple[list[Match], list[int]]:
    """The matches, and the shards that did not answer, which must be none unless the answer may be `partial`."""
    try:
        return search.find_matches(connection, question), []
    except ShardDown as error:
        if not partial or not error.answering:
            raise
        return search.find_matches(connection, replace(question, shards=error.answering)), error.down


def keep(catalogue: Catalogue, answer: Answer) -> int | None:
    """Write an answer into the database, for all who use it; returns the number of the search.

    None where the catalogue keeps no searches, or there was nothing to hear. Raises SearchNotKept.
    """
    if not answer.duration_s:
        return None
    try:
        with catalogue.keeping() as connection:
            return search.save_search(
                connection, answer.query, answer.duration_s, answer.encoder_id, answer.timings_ms, answer.matches
            )
    except psycopg.OperationalError as error:
        raise SearchNotKept(f"the search is not kept: {AWAY}") from error


def why_not_kept(catalogue: Catalogue) -> str | None:
    """Why this catalogue's role or server cannot keep searches; None where it can."""
    try:
        with catalogue.keeping() as connection:
            return search.why_not_kept(connection)
    except psycopg.OperationalError:
        if catalogue.read_server is catalogue.server:
            raise
        return f"{AWAY}, so searches are not kept: --no-save says so beforehand"


def name_of(audio: Audio) -> str:
    """What an answer calls the recording: its path, or "recording" where it has none."""
    if isinstance(audio, str | PathLike):
        return text_of(Path(audio))
    return text_of(str(getattr(audio, "name", "recording")))


@contextmanager
def _blocks(audio: Audio, name: str, rate_hz: int) -> Iterator[Iterable[Wave]]:
    """The recording at `rate_hz` in blocks of (t,) float32."""
    if isinstance(audio, str | PathLike):
        yield decode(Path(audio), rate_hz)
    elif isinstance(audio, tuple):
        samples, from_hz = audio
        yield [resample(_mono(samples, name), from_hz, rate_hz)]
    else:
        # Some decoders begin by seeking to the end of a file, which is impossible in a stream.
        with scratch() as folder:
            path = folder / "recording"
            if isinstance(audio, bytes | bytearray | memoryview):
                path.write_bytes(audio)
            else:
                with path.open("wb") as file:
                    shutil.copyfileobj(audio, file)
            yield _named(decode(path, rate_hz), name)


def _named(blocks: Iterable[Wave], name: str) -> Iterator[Wave]:
    """The same blocks; errors name the recording, not the file that it was copied to."""
    try:
        yield from blocks
    except AudioReadError as error:
        raise AudioReadError(name, error.reason) from error


def _mono(samples: NDArray[np.generic], name: str) -> Wave:
    """(T,) or (T, channels), float or integer -> (T,) float32 within full scale 1. Raises AudioReadError."""
    array = np.asarray(samples)
    if array.ndim not in (1, 2) or not array.size:
        raise AudioReadError(name, f"has the shape {array.shape}, which is neither (T,) nor (T, channels)")
    scale = 1.0
    if np.issubdtype(array.dtype, np.signedinteger):
        scale = float(np.iinfo(array.dtype).max)
    elif not np.issubdtype(array.dtype, np.floating):
        raise AudioReadError(name, f"has samples of type {array.dtype}, which are neither float nor signed integer")
    wave = array.astype(np.float32) / np.float32(scale)
    mono = wave.mean(axis=1) if wave.ndim == 2 else wave
    return np.asarray(np.clip(np.nan_to_num(mono, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0), np.float32)


class _Stopwatch:
    """Passes blocks on and adds up the time it took to make them."""

    def __init__(self, blocks: Iterable[Wave]) -> None:
        self._blocks = iter(blocks)
        self.spent_s = 0.0

    def __iter__(self) -> Iterator[Wave]:
        return self

    def __next__(self) -> Wave:
        started = time.perf_counter()
        try:
            return next(self._blocks)
        finally:
            self.spent_s += time.perf_counter() - started
