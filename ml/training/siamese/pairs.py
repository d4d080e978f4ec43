"""Batches of pairs: one half of the same song (label 1), the other of different songs (label 0)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from songradar.ml.errors import TrainingDataError
from songradar.ml.training.siamese.dataset import Images


def draw_pairs(
    songs: Sequence[NDArray[np.int64]], n: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`n` pairs of fragment numbers (n, 2) and their labels (n,), `n` even: n/2 of one song, n/2 of two.

    `songs` lists each song's fragments. Each song is drawn as often as any other, long or short. A pair of the same
    song is always of two different fragments.
    """
    repeated = [song for song in songs if len(song) >= 2]
    filled = [song for song in songs if len(song)]
    if not repeated or len(filled) < 2:
        raise TrainingDataError("pairs need two songs, one of them with two fragments")
    same = [rng.choice(repeated[i], 2, replace=False) for i in rng.integers(len(repeated), size=n // 2)]
    two = (rng.choice(len(filled), 2, replace=False) for _ in range(n // 2))
    different = [np.array([rng.choice(filled[i]), rng.choice(filled[j])]) for i, j in two]
    return np.array(same + different), np.repeat([1, 0], n // 2)


class Pairs(keras.utils.PyDataset):
    """`steps` batches of `n` pairs, the same for the same seed: ((a, b), labels).

    a and b are (n, n_mels, n_frames, 1) float32 in 0..1, labels (n, 1) float32.
    """

    def __init__(
        self, images: Images, songs: Sequence[NDArray[np.int64]], n: int, steps: int, seed: Sequence[int]
    ) -> None:
        super().__init__()
        self._images, self._songs, self._n, self._steps, self._seed = images, songs, n, steps, list(seed)

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Any:
        rng = np.random.default_rng([*self._seed, step])
        pairs, labels = draw_pairs(self._songs, self._n, rng)
        a, b = (self._images[column].astype(np.float32)[..., None] / 255 for column in pairs.T)
        return (a, b), labels.astype(np.float32)[:, None]
