"""Recordings to search for: excerpts of songs under named conditions, and noise alone, drawn from a seed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from songradar.ml import augmentation
from songradar.ml.audio import Wave, excerpt, level_dbfs, read_audio
from songradar.ml.conditions import PRE_ROLL_S, Condition, Surroundings, Warp
from songradar.ml.noise import draw_noise, rms

RATE_HZ = 16_000
"""Queries are made at this rate, the same for encoders of any rate."""

SILENCE_DBFS = -60.0
"""An excerpt that is not louder than this is drawn again, because nobody searches for silence."""

_TRIES = 10


@dataclass(frozen=True)
class SourceSong:
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
class Cut:
    """A query to be made: which condition, how long, from which song; `seed` draws the rest.

    `other` is the song of which half of the recording is, where the condition wants one.
    """

    condition: Condition
    seconds: float
    song: SourceSong
    seed: tuple[int, ...]
    other: SourceSong | None = None


def plan(
    songs: Sequence[SourceSong],
    conditions: Sequence[Condition],
    seconds: Sequence[float],
    per_cell: int,
    seed: Sequence[int],
    others: Sequence[SourceSong] = (),
) -> list[Cut]:
    """`per_cell` cuts for every condition and length, each from a random song that is long enough.

    Conditions in which half of the recording is another song need `others`, and are left out without them.
    """
    cuts = []
    for i, condition in enumerate(conditions):
        wants_other = condition.half == "another song"
        for length in seconds:
            usable = [song for song in songs if song.duration_s >= _needed_s(length)]
            for number in range(per_cell if usable and (others or not wants_other) else 0):
                key = (*seed, i, round(1000 * length), number)
                rng = np.random.default_rng(key)
                song = usable[int(rng.integers(len(usable)))]
                rest = [other for other in others if other != song] if wants_other else []
                cuts.append(Cut(condition, length, song, key, rest[int(rng.integers(len(rest)))] if rest else None))
    return cuts


def questions(
    songs: Sequence[SourceSong],
    conditions: Sequence[Condition],
    seconds: Sequence[float],
    per_cell: int,
    n_without_music: int,
    surroundings: Surroundings,
    seed: Sequence[int],
) -> tuple[Iterator[Query], int]:
    """All that an encoder is asked, and how many queries that is at most.

    For every condition and length, `per_cell` recordings of songs that the catalogue holds and as many of absent ones;
    for every length, `n_without_music` of noise alone, and as many of talk alone if there is any.
    """
    absent = [song for song in songs if song.is_absent]
    cuts = plan([song for song in songs if not song.is_absent], conditions, seconds, per_cell, [*seed, 0], absent)
    cuts += plan(absent, conditions, seconds, per_cell, [*seed, 1], absent)
    without = [noise_queries(n_without_music, seconds, surroundings.noises, [*seed, 2])]
    if surroundings.talk:
        without.append(noise_queries(n_without_music, seconds, surroundings.talk, [*seed, 3], "talk alone"))
    total = len(cuts) + len(without) * n_without_music * len(seconds)
    return chain(make_queries(cuts, surroundings), *without), total


def make_queries(cuts: Iterable[Cut], surroundings: Surroundings) -> Iterator[Query]:
    """Record the cuts, song by song so that each is decoded once. The same cuts give the same queries."""
    by_song: dict[SourceSong, list[Cut]] = defaultdict(list)
    for cut in cuts:
        by_song[cut.song].append(cut)
    for song, mine in by_song.items():
        wave = read_audio(song.path, RATE_HZ)
        for cut in mine:
            query = _record(cut, wave, surroundings)
            if query is not None:
                yield query


def _record(cut: Cut, wave: Wave, surroundings: Surroundings) -> Query | None:
    """A recording of the cut, or None when all of _TRIES excerpts are silent."""
    rng = np.random.default_rng((*cut.seed, 1))
    warp, size = cut.condition.draw_warp(rng), round(cut.seconds * RATE_HZ)
    for _ in range(_TRIES):
        start = 0 if cut.condition.aligned else _draw_start(len(wave), cut.seconds, rng)
        played = _to_be_played(wave, start, cut.seconds, warp)
        if level_dbfs(wave[start : start + size]) > SILENCE_DBFS:
            heard = cut.condition.record(warp.apply(played, RATE_HZ), size, RATE_HZ, surroundings, rng)
            heard = _half_replaced(heard, cut, surroundings, rng)
            source = "" if cut.song.is_absent else cut.song.source
            return Query(cut.condition.name, cut.seconds, source, start / RATE_HZ, heard, wave)
    return None


def _half_replaced(heard: Wave, cut: Cut, surroundings: Surroundings, rng: np.random.Generator) -> Wave:
    """`heard` with its first or its second half, drawn at random, replaced by what the cut's condition says."""
    if not cut.condition.half:
        return heard
    size = len(heard) // 2
    if cut.other is None:
        rest = draw_noise(surroundings.talk, size, rng)
    else:
        start = _draw_start(round(cut.other.duration_s * RATE_HZ), cut.seconds, rng)
        rest = excerpt(read_audio(cut.other.path, RATE_HZ, start + size), start, size)
    rest = augmentation.at_level(rest, rms(heard))
    return np.concatenate([rest, heard[size:]] if rng.random() < 0.5 else [heard[:-size], rest])


def _draw_start(n_samples: int, seconds: float, rng: np.random.Generator) -> int:
    return int(rng.integers(max(1, n_samples - round(_needed_s(seconds) * RATE_HZ))))


def _to_be_played(wave: Wave, start: int, seconds: float, warp: Warp) -> Wave:
    """The part of the song to play for a recording of `seconds` from `start`, with a pre-roll and a small reserve."""
    before = round(PRE_ROLL_S * warp.pace * RATE_HZ)
    return excerpt(wave, start - before, before + round(_needed_s(seconds) * RATE_HZ))


def _needed_s(seconds: float) -> float:
    """Seconds of song needed for a recording of `seconds`, with a reserve for faster playback."""
    return 1.1 * seconds + 0.2


def noise_queries(
    n: int, seconds: Sequence[float], noises: Sequence[Wave], seed: Sequence[int], name: str = "noise alone"
) -> Iterator[Query]:
    """Recordings in which there is no music, `n` of each length."""
    for length in seconds:
        for number in range(n):
            rng = np.random.default_rng((*seed, round(1000 * length), number))
            wave = draw_noise(noises, round(length * RATE_HZ), rng)
            yield Query(name, length, "", 0.0, wave, song=wave[:0])
