"""Augmented examples as audio and pictures, for a person to hear and see what the network is given."""

from pathlib import Path

import librosa.display
import numpy as np
from matplotlib.figure import Figure

from songradar.ml.audio import Wave, write_wav
from songradar.ml.augmentation import at_level
from songradar.ml.conditions import PRE_ROLL_S, Warp
from songradar.ml.spec import AudioSpec
from songradar.ml.training.contrastive.config import Recipe
from songradar.ml.training.contrastive.degradation import LEVEL, draw_warp, play, record
from songradar.ml.training.contrastive.material import Side
from songradar.ml.training.spectrogram import log_mel

SECONDS = 5.0


def write_previews(side: Side, spec: AudioSpec, recipe: Recipe, n: int, seed: int, out: Path) -> None:
    """Write `n` examples to `out`: `<number>_clean.wav`, `<number>_degraded.wav`, and `<number>.png` of both."""
    rate_hz = spec.sample_rate_hz
    size, pre_roll = round(SECONDS * rate_hz), round(PRE_ROLL_S * rate_hz)
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        song = int(rng.integers(len(side.songs)))
        warp = draw_warp(rng) if recipe.warp else Warp()
        before = round(pre_roll * warp.pace)
        room = max(1, int(side.songs.lengths[song]) - 2 * size)
        cut = at_level(side.songs.wave(song, int(rng.integers(room)) - before, 2 * size), LEVEL)
        heard = play(warp.apply(cut, rate_hz), rate_hz, recipe, side.surroundings, rng)
        heard = record(heard, rate_hz, recipe, side.surroundings, rng)[:size]
        clean = cut[before : before + size]
        kind = "no warp" if warp.kind == "none" else f"{warp.kind} {warp.amount:+.3f}"
        write_wav(clean, rate_hz, out / f"{number}_clean.wav")
        write_wav(heard, rate_hz, out / f"{number}_degraded.wav")
        draw_pair(clean, heard, spec, f"{side.songs.names[song]}, {kind}", out / f"{number}.png")


def draw_pair(clean: Wave, heard: Wave, spec: AudioSpec, title: str, path: Path) -> None:
    """Both log-mel spectrograms, one above the other."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    figure.suptitle(title)
    for axes, wave, label in zip(figure.subplots(2, 1), (clean, heard), ("clean", "as recorded"), strict=True):
        frames = log_mel(wave, spec).T
        librosa.display.specshow(
            np.maximum(frames, frames.max() - spec.top_db),
            sr=spec.sample_rate_hz,
            hop_length=spec.hop_length,
            x_axis="time",
            y_axis="mel",
            fmin=spec.f_min_hz,
            fmax=spec.f_max_hz,
            ax=axes,
        )
        axes.set(title=label, xlabel="seconds", ylabel="frequency, Hz (mel scale)")
    figure.savefig(path, dpi=110)
