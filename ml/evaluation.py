"""How often recordings are named rightly: outcomes of searches, judged and counted."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from songradar.ml.audio import Wave, excerpt, read_audio
from songradar.ml.files import path_of
from songradar.ml.queries import RATE_HZ, Query

NEAR_S = 0.25
"""Seconds by which an answered offset may differ from the true one and still count as the same place."""

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
    def margin(self) -> float | None: ...
    @property
    def n_fragments(self) -> int: ...
    @property
    def confidence(self) -> float: ...
    @property
    def accepted(self) -> bool: ...


@dataclass(frozen=True)
class SearchResult:
    """What a search gave, best match first, and how long its two stages took."""

    matches: Sequence[Found]
    encode_ms: float
    search_ms: float


@dataclass(frozen=True)
class Outcome:
    """A query and its answer. `best` is the first match, or None; `answer` is None when nothing was searched.

    `same_sound` says that the answer is another place in the song that sounds the same, or, for a song that is not in
    the catalogue, another song that sounds the same.
    """

    query: Query
    answer: SearchResult | None
    same_sound: bool = False

    @property
    def best(self) -> Found | None:
        return next(iter(self.answer.matches), None) if self.answer else None

    @property
    def right(self) -> bool:
        return self.best is not None and self.best.source == self.query.source

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


@dataclass(frozen=True)
class Score:
    """Counts of one condition and length. Queries too short for the encoder count, but are not searched."""

    condition: str
    seconds: float
    n_queries: int
    n_searched: int
    n_right: int
    n_right_accepted: int
    n_wrong_accepted: int


@dataclass(frozen=True)
class Summary:
    """What a user meets with recordings of one length. Pairs are the median and the 95th percentile.

    `same_sound` is the share of right answers that name another place of the song that sounds the same. The offset
    errors are computed from the other right answers.
    """

    seconds: float
    n_searched: int
    wrongly_named: float
    n_absent: int
    n_false_accepts: int
    same_sound: float
    offset_error_s: tuple[float, float]
    encode_ms: tuple[float, float]
    search_ms: tuple[float, float]


def judge(query: Query, answer: SearchResult | None) -> Outcome:
    """The outcome of a query. To save memory, it does not keep the audio of the query."""
    outcome = Outcome(replace(query, wave=query.wave[:0], song=query.song[:0]), answer)
    best = outcome.best
    if best is None or (outcome.right and outcome.offset_error_s <= NEAR_S):
        return outcome
    if outcome.right:
        named = query.song
    elif outcome.accepted and len(query.song) and not query.source:
        named = read_audio(path_of(best.source), RATE_HZ)
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


def scores(outcomes: Iterable[Outcome]) -> list[Score]:
    """One Score for each condition and length, in the order in which they first appear."""
    cells: dict[tuple[str, float], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        cells[outcome.query.condition, outcome.query.seconds].append(outcome)
    return [
        Score(
            condition,
            seconds,
            n_queries=len(mine),
            n_searched=sum(outcome.answer is not None for outcome in mine),
            n_right=sum(outcome.right for outcome in mine),
            n_right_accepted=sum(outcome.right and outcome.accepted for outcome in mine),
            n_wrong_accepted=sum(outcome.accepted and not outcome.right for outcome in mine),
        )
        for (condition, seconds), mine in cells.items()
    ]


def summaries(outcomes: Sequence[Outcome]) -> list[Summary]:
    """One Summary for each length, shortest first."""
    lengths = sorted({outcome.query.seconds for outcome in outcomes})
    return [_summary(length, [o for o in outcomes if o.query.seconds == length]) for length in lengths]


def _summary(seconds: float, outcomes: Sequence[Outcome]) -> Summary:
    present = [outcome for outcome in outcomes if outcome.query.source and outcome.answer]
    absent = [outcome for outcome in outcomes if not outcome.query.source and outcome.answer]
    right = [outcome for outcome in present if outcome.right]
    answers = [outcome.answer for outcome in outcomes if outcome.answer]
    return Summary(
        seconds,
        n_searched=len(answers),
        wrongly_named=sum(outcome.accepted and not outcome.right for outcome in present) / max(1, len(present)),
        n_absent=len(absent),
        n_false_accepts=sum(outcome.accepted for outcome in absent),
        same_sound=sum(outcome.same_sound for outcome in right) / max(1, len(right)),
        offset_error_s=_median_and_p95([outcome.offset_error_s for outcome in right if not outcome.same_sound]),
        encode_ms=_median_and_p95([answer.encode_ms for answer in answers]),
        search_ms=_median_and_p95([answer.search_ms for answer in answers]),
    )


def _median_and_p95(values: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile; zeros where there are no values."""
    middle, most = np.quantile(values, [0.5, 0.95]).tolist() if values else (0.0, 0.0)
    return middle, most


def wilson_interval(n_hits: int, n: int) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson 1927); stays within 0..1 and is reliable near 0 and 1.

    >>> [round(bound, 3) for bound in wilson_interval(100, 100)]
    [0.963, 1.0]
    """
    if not n:
        return 0.0, 1.0
    z, share = 1.96, n_hits / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (centre - spread) / (1 + z * z / n)), min(1.0, (centre + spread) / (1 + z * z / n))
