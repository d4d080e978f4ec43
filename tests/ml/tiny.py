"""A spec and a data set small enough to train on within seconds."""

from dataclasses import replace

import numpy as np

from songradar.ml.spec import CONTRASTIVE, SIAMESE
from tests import synth

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


CONTRASTIVE_SPEC = replace(CONTRASTIVE, n_mels=32, hop_s=0.5, query_hop_s=0.25)
"""The shipped recipe with a quarter of its bands, and a hop for embeddings that nobody has trained to bear more."""

WIDTHS = (8, 8, 8, 8)
"""Filters of the stages of a network that takes a moment to train."""

HELD_OUT_SHARE = 0.4
"""Of the files of `folders`, this share keeps songs 11, 13, 15 for validation, and one noise, room and device; songs 1
and 2 are for the test."""


def folders(parent, rng):
    """Music, noise and responses as `songradar train contrastive` takes them: nine songs, two of each other kind."""
    from songradar.ml.training.contrastive.material import Folders

    rate_hz = CONTRASTIVE_SPEC.sample_rate_hz
    files = [("music", f"song {i}", synth.melody(rng, 24.0, rate_hz)) for i in (0, 1, 2, 3, 4, 5, 11, 13, 15)]
    for i in range(2):
        files += [
            ("noise", f"noise {i}", 0.1 * rng.standard_normal(6 * rate_hz)),
            ("responses", f"room {i}", 0.3 * rng.standard_normal(2000) * np.exp(-np.arange(2000) / 400)),
            ("responses", f"device {i}", 0.3 * rng.standard_normal(100) * np.exp(-np.arange(100) / 10)),
        ]
    for kind, name, wave in files:
        (parent / kind).mkdir(exist_ok=True)
        synth.write_wav(parent / kind / f"{name}.wav", wave, rate_hz)
    return Folders([parent / "music"], [parent / "noise"], [parent / "responses"])


def dataset(rng, n_songs=8, n_fragments=6):
    """Songs whose fragments share a pattern, which a network can learn."""
    from songradar.ml.training.siamese.dataset import Dataset, TrainingSong

    shape = (SPEC.n_mels, SPEC.n_frames)
    patterns = np.repeat(rng.integers(0, 200, (n_songs, *shape)), n_fragments, axis=0)
    images = (patterns + rng.integers(0, 55, patterns.shape)).astype(np.uint8)
    songs = tuple(TrainingSong(f"{i}.mp3", f"{i:064x}", i * n_fragments, n_fragments) for i in range(n_songs))
    return Dataset(images, songs, ())
