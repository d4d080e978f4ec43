"""Answers to queries, judged: is it the right song, and the right place in it?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from songradar.ml.audio import Wave, excerpt, read_audio
from songradar.ml.files import path_of
from songradar.ml.queries import RATE_HZ, Query

NEAR_S = 0.25
"""Seconds by which an answered offset may differ from the true one and still count as the same place."""

DOUBTFUL = 0.5
"""Confidence from which on it is looked into whether the song named for an absent one sounds the same there."""

SAME_SOUND = 0.9
"""Correlation of two excerpts' spectrograms in dB above which one is a repeat of the other."""


class Found(Protocol):
    """What evaluation reads of a match."""

    @property
    def source(self) -> str: ...
    @property
    def offset_s(self) -> float: ...
    @property
    def score(self) -> float: ...
    @property
    def coverage(self) -> float: ...
    @property
    def lead(self) -> float: ...
    @property
    def peak(self) -> float: ...
    @property
    def n_fragments(self) -> int: ...
    @property
    def confidence(self) -> float: ...
    @property
    def accepted(self) -> bool: ...
    @property
    def same_recording(self) -> bool: ...


@dataclass(frozen=True)
class SearchResult:
    """What a search gave, best match first, and how long its two stages took."""

    matches: Sequence[Found]
    encode_ms: float
    search_ms: float


class Among(StrEnum):
    """Which songs a query is searched among."""

    ALL = "all songs"
    OTHERS = "all songs but its own"
    FILLED = "all songs and the filler"
    TWINS = "all songs and another file of its own"
    TEN = "ten songs"
    PAIR = "one song and another file of it"
    ONE = "one song"


@dataclass(frozen=True)
class Outcome:
    """A query and its answer. `best` is the first match, or None; `answer` is None when nothing was searched.

    `same_sound` says that the answer is another place in the song that sounds the same, or, for a song that is not in
    the catalogue, another song that sounds the same.
    """

    query: Query
    answer: SearchResult | None
    same_sound: bool = False
    among: Among = Among.ALL

    @property
    def best(self) -> Found | None:
        return next(iter(self.answer.matches), None) if self.answer else None

    @property
    def right(self) -> bool:
        if not self.query.source or self.best is None or self.answer is None:
            return False
        same = {self.best.source, *(m.source for m in self.answer.matches if m.same_recording)}
        return self.query.source in same

    @property
    def accepted(self) -> bool:
        return self.best is not None and self.best.accepted

    @property
    def ambiguous(self) -> bool:
        """Whether the song is absent but shares the passage with the named song. That is neither right nor wrong."""
        return self.same_sound and not self.query.source

    @property
    def offset_error_s(self) -> float:
        """How far the named place is from the true one."""
        return abs(self.best.offset_s - self.query.offset_s) if self.best else math.inf


def judge(query: Query, answer: SearchResult | None) -> Outcome:
    """The outcome of a query. To save memory, it does not keep the audio of the query."""
    outcome = Outcome(replace(query, wave=query.wave[:0], song=query.song[:0]), answer)
    best = outcome.best
    if best is None or (outcome.right and outcome.offset_error_s <= NEAR_S):
        return outcome
    if outcome.right:
        named = query.song
    elif best.confidence >= DOUBTFUL and len(query.song) and not query.source and path_of(best.source).is_file():
        named = read_audio(path_of(best.source), RATE_HZ)  # a filler has no file, and sounds like nothing else
    else:
        return outcome
    return replace(outcome, same_sound=sound_alike(query.song, query.offset_s, named, best.offset_s, query.seconds))


def sound_alike(song: Wave, start_s: float, other: Wave, other_start_s: float, seconds: float) -> bool:
    """Whether `seconds` of two songs, or of two places in one, sound the same; the second start is known to NEAR_S."""
    size, near = round(seconds * RATE_HZ), round(NEAR_S * RATE_HZ)
    one = _spectrogram_db(excerpt(song, round(start_s * RATE_HZ), size))
    two = _spectrogram_db(excerpt(other, round(other_start_s * RATE_HZ) - near, size + 2 * near))
    lags = range(len(two) - len(one) + 1)
    return any(_correlation(one, two[lag : lag + len(one)]) > SAME_SOUND for lag in lags)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Pearson correlation of two arrays of the same shape; 0 when one is constant."""
    one, other = one - one.mean(), other - other.mean()
    return float(np.sum(one * other) / max(1e-9, float(np.linalg.norm(one) * np.linalg.norm(other))))


def _spectrogram_db(wave: Wave) -> NDArray[np.float32]:
    """(frames, bands) in dB below 4 kHz: 64 ms windows every 20 ms, floored at 60 dB below the loudest cell."""
    size, hop = 1024, 320
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, (0, max(0, size - len(wave)))), size)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32))[:, : size // 4]) ** 2
    return np.asarray(10 * np.log10(np.maximum(power, 1e-6 * power.max() + 1e-12)), np.float32)
