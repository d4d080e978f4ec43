"""A spec and a data set small enough to train on within seconds."""

from dataclasses import replace

import numpy as np

from ml.spec import SIAMESE

SPEC = replace(
    SIAMESE,
    sample_rate_hz=8000,
    fragment_s=1.0,
    hop_s=1.0,
    n_fft=512,
    hop_length=200,
    n_mels=40,
    n_frames=40,
)
"""The network's shape at a fourteenth of its pictures' size; four convolutions and three poolings need 38 x 38."""


def dataset(rng, n_songs=8, n_fragments=6):
    """Songs whose fragments share a pattern, which a network can learn."""
    from ml.training.dataset import Dataset, Song

    shape = (SPEC.n_mels, SPEC.n_frames)
    patterns = np.repeat(rng.integers(0, 200, (n_songs, *shape)), n_fragments, axis=0)
    images = (patterns + rng.integers(0, 55, patterns.shape)).astype(np.uint8)
    songs = tuple(Song(f"{i}.mp3", f"{i:064x}", i * n_fragments, n_fragments) for i in range(n_songs))
    return Dataset(images, songs, ())
