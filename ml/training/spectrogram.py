"""Mel spectrograms as librosa defines them: the article's pictures, and the frames of the contrastive recipe."""

from functools import cache
from pathlib import Path

import librosa
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from songradar.ml.audio import Wave
from songradar.ml.spec import AudioSpec

DB_PER_UNIT = 20.0
"""What `standardised` divides by, so that a network's input has about unit variance."""

mpl.use("Agg")  # pictures go to files; no display is needed


@cache
def mel_basis(spec: AudioSpec) -> NDArray[np.float32]:
    """Librosa's mel filter bank (Slaney), (n_mels, 1 + n_fft // 2) float32."""
    basis = librosa.filters.mel(
        sr=spec.sample_rate_hz, n_fft=spec.n_fft, n_mels=spec.n_mels, fmin=spec.f_min_hz, fmax=spec.f_max_hz
    )
    return np.asarray(basis, np.float32)


def mel_db(wave: Wave, spec: AudioSpec) -> NDArray[np.float32]:
    """(fragment_samples,) -> (n_mels, n_frames) float32 in dB below the fragment's loudest cell, -top_db..0.

    Equals `librosa.power_to_db(librosa.feature.melspectrogram(...), ref=np.max)`, less the last frame, which is
    centred on the fragment's end; the filter bank is computed once instead of with each call.
    """
    stft = librosa.stft(wave, n_fft=spec.n_fft, hop_length=spec.hop_length)[:, : spec.n_frames]
    return np.asarray(librosa.power_to_db(mel_basis(spec) @ np.abs(stft) ** 2, ref=np.max, top_db=spec.top_db))


def mel_image(wave: Wave, spec: AudioSpec) -> NDArray[np.float32]:
    """(fragment_samples,) -> (n_mels, n_frames) float32 in 0..1: what the network sees. 1 is the loudest cell."""
    return np.asarray(mel_db(wave, spec) / spec.top_db + 1, np.float32)


def log_mel(wave: Wave, spec: AudioSpec) -> NDArray[np.float32]:
    """(T,) -> (1 + (T - n_fft) // hop_length, n_mels) float32 in dB: whole frames only, none padded.

    Equals `librosa.power_to_db(librosa.feature.melspectrogram(..., center=False), top_db=None).T`.
    """
    stft = librosa.stft(wave, n_fft=spec.n_fft, hop_length=spec.hop_length, center=False)
    return np.asarray(librosa.power_to_db(mel_basis(spec) @ np.abs(stft) ** 2, top_db=None).T, np.float32)


def standardised(db: NDArray[np.float32], top_db: float) -> NDArray[np.float32]:
    """(N, n_frames, n_mels) in dB -> the same without its level: floored at `top_db` below the loudest, mean 0."""
    floored = np.maximum(db, db.max(axis=(1, 2), keepdims=True) - top_db)
    return (floored - floored.mean(axis=(1, 2), keepdims=True)) / DB_PER_UNIT


def draw(wave: Wave, spec: AudioSpec, start_s: float, title: str, path: Path) -> None:
    """Write the picture of one fragment to `path` with axes in seconds, hertz and decibels."""
    import librosa.display
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    mesh = librosa.display.specshow(
        mel_db(wave, spec), sr=spec.sample_rate_hz, hop_length=spec.hop_length, x_axis="time", y_axis="mel", ax=axes
    )
    axes.set(title=title, xlabel=f"seconds after {start_s:g} s", ylabel="frequency, Hz (mel scale)")
    figure.colorbar(mesh, ax=axes, format="%+2.0f dB")
    figure.savefig(path, dpi=120)
