"""Augmented examples as audio and pictures, for a person to hear and see what the network is given."""

import wave as wav
from pathlib import Path

import librosa.display
import numpy as np
from matplotlib.figure import Figure

from ml.audio import Wave
from ml.augmentation import at_level
from ml.conditions import PRE_ROLL_S
from ml.spec import AudioSpec
from ml.training.contrastive.config import Recipe
from ml.training.contrastive.degradation import LEVEL, draw_warp, play, record
from ml.training.contrastive.material import Side
from ml.training.spectrogram import log_mel

SECONDS = 5.0


def write_previews(side: Side, spec: AudioSpec, recipe: Recipe, n: int, seed: int, out: Path) -> None:
    """Write `n` examples to `out`: `<number>_clean.wav`, `<number>_degraded.wav`, and `<number>.png` of both."""
    rate_hz = spec.sample_rate_hz
    size, pre_roll = round(SECONDS * rate_hz), round(PRE_ROLL_S * rate_hz)
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        song = int(rng.integers(len(side.songs)))
        warp = draw_warp(rng) if recipe.warp else None
        before = round(pre_roll * warp.pace) if warp else pre_roll
        room = max(1, int(side.songs.lengths[song]) - 2 * size)
        cut = at_level(side.songs.wave(song, int(rng.integers(room)) - before, 2 * size), LEVEL)
        played = warp.apply(cut, rate_hz) if warp else cut
        heard = record(play(played, rate_hz, recipe, side.around, rng), rate_hz, recipe, side.around, rng)[:size]
        clean = cut[before : before + size]
        kind = f"{warp.kind} {warp.amount:+.3f}" if warp and warp.kind != "none" else "no warp"
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


def write_wav(wave: Wave, rate_hz: int, path: Path) -> None:
    """16-bit mono."""
    with wav.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.round(np.clip(wave, -1, 1) * 32767).astype("<i2").tobytes())
