"""Spectrograms rendered once, so that training slices arrays instead of convolving audio."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from songradar.ml.augmentation import at_level
from songradar.ml.conditions import PRE_ROLL_S, Surroundings, Warp
from songradar.ml.errors import TrainingDataError
from songradar.ml.spec import AudioSpec
from songradar.ml.training.cache import rendered
from songradar.ml.training.contrastive.config import ContrastiveConfig, Recipe
from songradar.ml.training.contrastive.degradation import LEVEL, draw_warp, play, record
from songradar.ml.training.contrastive.recordings import Recordings
from songradar.ml.training.spectrogram import log_mel

CHUNK_FRAMES = 512
"""Frames in one piece of a degraded recording, 16 s: it has one room, one device, one codec."""

RECORDED_SHARE = 0.4
"""Share of chunks recorded as waveforms; the others get noise and band limits when a batch is drawn."""

RENDERED = ("room", "band_pass", "warp", "codec")
"""The parts of a Recipe that are drawn into chunks; the others are drawn with each batch."""

Mel = NDArray[np.float16]
"""Log-mel frames in dB, (..., n_mels)."""


@dataclass(frozen=True)
class Clean:
    """All songs' frames end to end: song i is `frames[starts[i] : starts[i + 1]]`."""

    frames: Mel
    starts: NDArray[np.int64]

    def views(self, first: NDArray[np.int64], n_frames: int) -> NDArray[np.float32]:
        """(N, n_frames, n_mels) in dB, each from its frame of `first` (N,) on."""
        return self.frames[first[:, None] + np.arange(n_frames)].astype(np.float32)


@dataclass(frozen=True)
class Chunk:
    """A piece of a song as it was heard. Frame k shows the song's frame `first_frame + k * pace`."""

    song: int
    first_frame: int
    pace: float
    recorded: bool


@dataclass(frozen=True)
class Degraded:
    """Chunks (C, CHUNK_FRAMES, n_mels) and, as arrays (C,), the fields of Chunk."""

    frames: Mel
    song: NDArray[np.int64]
    first_frame: NDArray[np.int64]
    pace: NDArray[np.float64]
    recorded: NDArray[np.bool_]


def render_clean(songs: Recordings, spec: AudioSpec, path: Path, workers: int) -> Clean:
    """Every frame of every song, at one level for all songs, in `path`; or what an earlier run drew there."""
    n_frames = np.maximum(0, 1 + (songs.lengths - spec.n_fft) // spec.hop_length)
    starts = np.concatenate([[0], np.cumsum(n_frames)])
    shape = (int(starts[-1]), spec.n_mels)

    def draw_one(number: int) -> Mel:
        if not n_frames[number]:
            return np.zeros((0, spec.n_mels), np.float16)
        return log_mel(at_level(songs.wave(number), LEVEL), spec).astype(np.float16)

    key = [spec.as_dict(), songs.digest]
    _render(path, key, len(songs), draw_one, workers)
    return Clean(np.memmap(path, np.float16, "r", shape=shape), starts)


def render_degraded(
    songs: Recordings,
    spec: AudioSpec,
    config: ContrastiveConfig,
    surroundings: Surroundings,
    path: Path,
    workers: int,
    advance: Callable[[], None] = lambda: None,
) -> Degraded:
    """`config.n_chunks` pieces from anywhere in songs that are long enough, or what an earlier run drew."""
    rate_hz, recipe, seed, n_chunks = spec.sample_rate_hz, config.recipe, config.seed, config.n_chunks
    size = spec.n_fft + (CHUNK_FRAMES - 1) * spec.hop_length
    needed = round(1.15 * (size + PRE_ROLL_S * rate_hz))
    room_left = np.maximum(0, songs.lengths - needed).astype(float)
    if not room_left.any():
        raise TrainingDataError(f"none of the {len(songs)} songs to train on is longer than {needed / rate_hz:.0f} s")
    draws = [np.random.default_rng([seed, number]) for number in range(n_chunks)]
    chunks = [_draw_chunk(room_left, spec, recipe, rng) for rng in draws]

    def draw_one(number: int) -> Mel:
        chunk, warp = chunks[number]
        pre_roll = round(PRE_ROLL_S * rate_hz * warp.pace)
        cut = songs.wave(chunk.song, chunk.first_frame * spec.hop_length - pre_roll, needed)
        heard = play(warp.apply(at_level(cut, LEVEL), rate_hz), rate_hz, recipe, surroundings, draws[number])
        heard = heard[:size]
        if chunk.recorded:
            heard = record(heard, rate_hz, recipe, surroundings, draws[number])
        advance()
        return log_mel(heard, spec).astype(np.float16)

    parts = {name: on for name, on in asdict(recipe).items() if name in RENDERED}
    key = [spec.as_dict(), parts, n_chunks, seed, songs.digest, surroundings.digest]
    _render(path, key, n_chunks, draw_one, workers)
    frames = np.memmap(path, np.float16, "r", shape=(n_chunks, CHUNK_FRAMES, spec.n_mels))
    return Degraded(
        frames,
        song=np.array([chunk.song for chunk, _ in chunks]),
        first_frame=np.array([chunk.first_frame for chunk, _ in chunks]),
        pace=np.array([chunk.pace for chunk, _ in chunks]),
        recorded=np.array([chunk.recorded for chunk, _ in chunks]),
    )


def _draw_chunk(
    room_left: NDArray[np.float64], spec: AudioSpec, recipe: Recipe, rng: np.random.Generator
) -> tuple[Chunk, Warp]:
    song = int(rng.choice(len(room_left), p=room_left / room_left.sum()))
    pre_roll_frames = round(PRE_ROLL_S * spec.sample_rate_hz / spec.hop_length * 1.15)
    first_frame = pre_roll_frames + int(rng.uniform(0, room_left[song]) / spec.hop_length)
    warp = draw_warp(rng) if recipe.warp else Warp()
    return Chunk(song, first_frame, warp.pace, bool(rng.random() < RECORDED_SHARE)), warp


def _render(path: Path, key: Sequence[object], n: int, draw_one: Callable[[int], Mel], workers: int) -> None:
    """Write `draw_one(i)` for each i, end to end, unless `path` holds what `key` says already."""

    def render(out: IO[bytes]) -> dict[str, Any]:
        with ThreadPoolExecutor(workers) as pool:
            for first in range(0, n, 64):  # so that finished pieces do not pile up before they are written
                for frames in pool.map(draw_one, range(first, min(first + 64, n))):
                    out.write(frames.tobytes())
        return {}

    rendered(path, key, render)
