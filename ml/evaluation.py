"""How often recordings are named rightly. Knows no database: it is given `search` as a function."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml.audio import Wave, level_dbfs, read_audio
from ml.conditions import PRE_ROLL_S, Condition, Surroundings, Warp
from ml.files import path_of
from ml.noise import draw_noise

RATE_HZ = 16_000
"""Queries are made at this rate, the same for encoders of any rate."""

NEAR_S = 0.25
"""An answer less far from the true place names that place."""

SAME_SOUND = 0.9
"""Correlation of two excerpts' spectrograms in dB above which one is a repeat of the other."""

SILENCE_DBFS = -60.0
"""An excerpt that is not louder is drawn again: nobody asks which song is silent."""

_TRIES = 10


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
class Song:
    """A song that queries are cut from. `is_absent` says that the catalogue does not hold it."""

    path: Path
    source: str
    duration_s: float
    is_absent: bool = False


@dataclass(frozen=True)
class Query:
    """A recording at RATE_HZ. Its song is `source`, from `offset_s` on; "" where the catalogue holds no such song.

    `song` is that song as it is, at RATE_HZ; silence where there is none.
    """

    condition: str
    seconds: float
    source: str
    offset_s: float
    wave: Wave
    song: Wave


@dataclass(frozen=True)
class Answer:
    """What a search gave, best match first, and how long its two stages took."""

    matches: Sequence[Found]
    encode_ms: float
    search_ms: float


@dataclass(frozen=True)
class Outcome:
    """A query and its answer: `best` is the first match, None when there was none; no `answer` without a search.

    `same_sound` says that what is named is another place, or for an absent song another song, that sounds the same.
    """

    query: Query
    answer: Answer | None
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
        """Whether the song is absent and yet what is named is heard: songs share passages. Neither right nor wrong."""
        return self.same_sound and not self.query.source

    @property
    def offset_error_s(self) -> float:
        """How far the named place is from the true one."""
        return abs(self.best.offset_s - self.query.offset_s) if self.best else math.inf


@dataclass(frozen=True)
class Score:
    """Counts of one condition and length. What is too short for an encoder is queried but not searched."""

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

    `same_sound` is the share of right answers that name another place, which sounds the same; errors of offset are of
    the others.
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


def judge(query: Query, answer: Answer | None) -> Outcome:
    """An outcome that remembers what was asked but not the sound of it."""
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
    one = _spectrogram_db(_cut(song, round(start_s * RATE_HZ), size))
    two = _spectrogram_db(_cut(other, round(other_start_s * RATE_HZ) - near, size + 2 * near))
    lags = range(len(two) - len(one) + 1)
    return any(_correlation(one, two[lag : lag + len(one)]) > SAME_SOUND for lag in lags)


def _cut(wave: Wave, start: int, size: int) -> Wave:
    """(size,) from `start` on, which may lie before the wave or reach beyond it: there is silence."""
    piece = np.zeros(size, np.float32)
    inside = wave[max(0, start) : max(0, start + size)]
    first = max(0, -start)
    piece[first : first + len(inside)] = inside
    return piece


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Of two arrays of one shape; 0 when one is constant."""
    one, other = one - one.mean(), other - other.mean()
    return float(np.sum(one * other) / max(1e-9, float(np.linalg.norm(one) * np.linalg.norm(other))))


def _spectrogram_db(wave: Wave) -> NDArray[np.float32]:
    """(frames, bands) of 64 ms each 20 ms, below 4 kHz, floored at 60 dB below the loudest cell."""
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
    """95 % confidence interval of a share (Wilson 1927); stays within 0..1 and honest at the ends.

    >>> [round(bound, 3) for bound in wilson_interval(100, 100)]
    [0.963, 1.0]
    """
    if not n:
        return 0.0, 1.0
    z, share = 1.96, n_hits / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (centre - spread) / (1 + z * z / n)), min(1.0, (centre + spread) / (1 + z * z / n))


@dataclass(frozen=True)
class Cut:
    """A query to be made: which condition, how long, from which song; `seed` draws the rest."""

    condition: Condition
    seconds: float
    song: Song
    seed: tuple[int, ...]


def plan(
    songs: Sequence[Song],
    conditions: Sequence[Condition],
    seconds: Sequence[float],
    per_cell: int,
    seed: Sequence[int],
) -> list[Cut]:
    """`per_cell` cuts for every condition and length, each from a random song that is long enough."""
    cuts = []
    for i, condition in enumerate(conditions):
        for length in seconds:
            usable = [song for song in songs if song.duration_s >= _needed_s(length)]
            for number in range(per_cell if usable else 0):
                key = (*seed, i, round(1000 * length), number)
                song = usable[int(np.random.default_rng(key).integers(len(usable)))]
                cuts.append(Cut(condition, length, song, key))
    return cuts


def questions(
    songs: Sequence[Song],
    conditions: Sequence[Condition],
    seconds: Sequence[float],
    per_cell: int,
    n_without_music: int,
    around: Surroundings,
    seed: Sequence[int],
) -> tuple[Iterator[Query], int]:
    """All that an encoder is asked, and how many queries that is at most.

    For every condition and length, `per_cell` recordings of songs that the catalogue holds and as many of absent ones;
    for every length, `n_without_music` of noise alone.
    """
    cuts = plan([song for song in songs if not song.is_absent], conditions, seconds, per_cell, [*seed, 0])
    cuts += plan([song for song in songs if song.is_absent], conditions, seconds, per_cell, [*seed, 1])
    noise = noise_queries(n_without_music, seconds, around, [*seed, 2])
    return chain(make_queries(cuts, around), noise), len(cuts) + n_without_music * len(seconds)


def make_queries(cuts: Iterable[Cut], around: Surroundings) -> Iterator[Query]:
    """Record the cuts, song by song so that each is decoded once. The same cuts give the same queries."""
    by_song: dict[Song, list[Cut]] = defaultdict(list)
    for cut in cuts:
        by_song[cut.song].append(cut)
    for song, mine in by_song.items():
        wave = read_audio(song.path, RATE_HZ)
        for cut in mine:
            query = _record(cut, wave, around)
            if query is not None:
                yield query


def _record(cut: Cut, wave: Wave, around: Surroundings) -> Query | None:
    """None when the song is silent wherever one looks."""
    rng = np.random.default_rng((*cut.seed, 1))
    warp, size = cut.condition.draw_warp(rng), round(cut.seconds * RATE_HZ)
    for _ in range(_TRIES):
        start = 0 if cut.condition.aligned else _draw_start(len(wave), cut.seconds, rng)
        played = _excerpt(wave, start, cut.seconds, warp)
        if level_dbfs(wave[start : start + size]) > SILENCE_DBFS:
            heard = cut.condition.record(warp.apply(played, RATE_HZ), size, RATE_HZ, around, rng)
            source = "" if cut.song.is_absent else cut.song.source
            return Query(cut.condition.name, cut.seconds, source, start / RATE_HZ, heard, wave)
    return None


def _draw_start(n_samples: int, seconds: float, rng: np.random.Generator) -> int:
    return int(rng.integers(max(1, n_samples - round(_needed_s(seconds) * RATE_HZ))))


def _excerpt(wave: Wave, start: int, seconds: float, warp: Warp) -> Wave:
    """What has to be played for `seconds` to be recorded from `start` on: with the moment before, and some to spare."""
    before = round(PRE_ROLL_S * warp.pace * RATE_HZ)
    stop = start + round(_needed_s(seconds) * RATE_HZ)
    return np.pad(wave[max(0, start - before) : stop], (max(0, before - start), max(0, stop - len(wave))))


def _needed_s(seconds: float) -> float:
    """Seconds of song for a recording of `seconds`, played a little faster, with some to spare."""
    return 1.1 * seconds + 0.2


def noise_queries(n: int, seconds: Sequence[float], around: Surroundings, seed: Sequence[int]) -> Iterator[Query]:
    """Recordings in which there is no music, `n` of each length."""
    for length in seconds:
        for number in range(n):
            rng = np.random.default_rng((*seed, round(1000 * length), number))
            wave = draw_noise(around.noises, round(length * RATE_HZ), rng)
            yield Query("no music", length, "", 0.0, wave, song=wave[:0])
