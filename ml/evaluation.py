"""How often recordings are named rightly. Knows no database: it is given `search` as a function."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ml.audio import Wave, read_audio
from ml.noise import draw_noise, mix_at_snr, rms
from ml.spec import AudioSpec

SHIFT_S = 2.0
NOISE_SNR_DB = 5.0
ALIGNED, SHIFTED, NOISY, BOTH = (
    "aligned: its beginning",
    f"{SHIFT_S:g} s later",
    f"noise at {NOISE_SNR_DB:g} dB",
    f"{SHIFT_S:g} s later, noise at {NOISE_SNR_DB:g} dB",
)


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
class Query:
    """A recording whose song is known: `source`, from `offset_s` on."""

    condition: str
    source: str
    offset_s: float
    wave: Wave


@dataclass(frozen=True)
class Outcome:
    """The first match of a query, None when there was none, and whether it is the query's song."""

    query: Query
    best: Found | None

    @property
    def right(self) -> bool:
        return self.best is not None and self.best.source == self.query.source

    @property
    def accepted(self) -> bool:
        return self.best is not None and self.best.accepted


@dataclass(frozen=True)
class Score:
    """Counts of one condition."""

    condition: str
    n_queries: int
    n_right: int
    n_right_accepted: int
    n_wrong_accepted: int


def run(queries: Iterable[Query], search: Callable[[Wave], Sequence[Found]]) -> Iterator[Outcome]:
    """Search each query."""
    for query in queries:
        yield Outcome(query, next(iter(search(query.wave)), None))


def scores(outcomes: Sequence[Outcome]) -> list[Score]:
    """One Score a condition, in the order in which they first appear."""
    return [
        Score(
            condition,
            n_queries=len(mine),
            n_right=sum(outcome.right for outcome in mine),
            n_right_accepted=sum(outcome.right and outcome.accepted for outcome in mine),
            n_wrong_accepted=sum(outcome.accepted and not outcome.right for outcome in mine),
        )
        for condition in dict.fromkeys(outcome.query.condition for outcome in outcomes)
        for mine in [[outcome for outcome in outcomes if outcome.query.condition == condition]]
    ]


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


def article_queries(
    songs: Iterable[Path], spec: AudioSpec, noises: Sequence[Wave], rng: np.random.Generator
) -> Iterator[Query]:
    """The article's demonstration and what it warns of: each song's first fragment; the same cut later, and noisy."""
    size, shift = spec.fragment_samples, spec.samples(SHIFT_S)
    for song in songs:
        wave = read_audio(song, spec.sample_rate_hz, n_samples=size + shift)
        for start, condition, noisy_condition in ((0, ALIGNED, NOISY), (shift, SHIFTED, BOTH)):
            cut = wave[start : start + size]
            if len(cut) < size or not rms(cut):
                continue
            yield Query(condition, str(song), start / spec.sample_rate_hz, cut)
            noisy = mix_at_snr(cut, draw_noise(noises, size, rng), NOISE_SNR_DB)
            yield Query(noisy_condition, str(song), start / spec.sample_rate_hz, noisy)


def noise_queries(n: int, spec: AudioSpec, noises: Sequence[Wave], rng: np.random.Generator) -> Iterator[Query]:
    """Recordings of one to three fragments' length in which there is no music."""
    for _ in range(n):
        noise = draw_noise(noises, int(spec.fragment_samples * rng.uniform(1, 3)), rng)
        yield Query("no music", "", 0.0, noise)


def random_queries(
    songs: Iterable[Path], spec: AudioSpec, noises: Sequence[Wave], rng: np.random.Generator, per_song: int
) -> Iterator[Query]:
    """Cuts from anywhere, of one to three fragments' length; a fifth clean, the others with noise at 0 to 20 dB."""
    for song in songs:
        wave = read_audio(song, spec.sample_rate_hz)
        for _ in range(per_song):
            size = min(int(spec.fragment_samples * rng.uniform(1, 3)), len(wave))
            start = int(rng.integers(len(wave) - size + 1))
            cut, snr_db = wave[start : start + size], rng.uniform(0, 25)
            if size < spec.fragment_samples or not rms(cut):
                continue
            if snr_db <= 20:
                cut = mix_at_snr(cut, draw_noise(noises, size, rng), snr_db)
            yield Query("random", str(song), start / spec.sample_rate_hz, cut)
