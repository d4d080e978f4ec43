"""Noise: from files or made from a seed, mixed with a signal at a given signal-to-noise ratio."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from songradar.ml.audio import Wave, read_audio
from songradar.ml.errors import AudioReadError


def rms(wave: Wave) -> float:
    """Root mean square of the samples, 0 for silence."""
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))) if len(wave) else 0.0


def mix_at_snr(signal: Wave, noise: Wave, snr_db: float) -> Wave:
    """Add `noise` so that `signal` is `snr_db` louder than it; both (T,) float32.

    The sum is scaled down if it would exceed full scale. Raises ValueError when either is silent.
    """
    if not rms(signal) or not rms(noise):
        raise ValueError("a ratio of levels needs two signals that are not silent")
    mixed = signal + noise * (rms(signal) / rms(noise) * 10 ** (-snr_db / 20))
    return np.asarray(mixed / max(1.0, float(np.max(np.abs(mixed)))), np.float32)


def pink_noise(n_samples: int, rng: np.random.Generator) -> Wave:
    """(n_samples,) float32 with equal power in each octave, peak 1: the murmur of a distant crowd."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), n_samples)
    return np.asarray(pink / np.max(np.abs(pink)), np.float32)


def read_noises(paths: Sequence[Path], sample_rate_hz: int) -> dict[Path, Wave]:
    """The recordings that are not silent. Raises AudioReadError when there is none."""
    noises = {path: noise for path in paths if rms(noise := read_audio(path, sample_rate_hz))}
    if not noises:
        raise AudioReadError(", ".join(map(str, paths)) or "--noise", "no noise that can be used")
    return noises


def draw_noise(noises: Sequence[Wave], n_samples: int, rng: np.random.Generator) -> Wave:
    """(n_samples,) from a random place in one of `noises`, repeated if it is short; pink noise when there are none."""
    if not noises:
        return pink_noise(n_samples, rng)
    noise = noises[int(rng.integers(len(noises)))]
    noise = np.tile(noise, -(-n_samples // len(noise)))
    start = rng.integers(len(noise) - n_samples + 1)
    cut = noise[start : start + n_samples]
    return cut if rms(cut) else pink_noise(n_samples, rng)
