"""Rotate or reduce the output space of the last layer. A rotation keeps all distances but changes the axes."""

import keras
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


def principal_directions(embeddings: Matrix, k: int) -> Matrix:
    """(N, dim) -> (dim, k): the directions in which embeddings vary most, about the origin; orthonormal."""
    return np.asarray(np.linalg.eigh(embeddings.T @ embeddings).eigenvectors[:, : -k - 1 : -1])


def itq_rotation(embeddings: Matrix, n_rounds: int = 50) -> Matrix:
    """(N, dim) -> (dim, dim): the rotation after which the signs of embeddings represent them best.

    Iterative quantization (Gong and Lazebnik 2011): each round takes the signs of the rotated embeddings, then finds
    the best rotation towards these signs.
    """
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.standard_normal((embeddings.shape[1],) * 2))[0]
    for _ in range(n_rounds):
        left, _, right = np.linalg.svd(embeddings.T @ np.sign(embeddings @ rotation))
        rotation = left @ right
    return rotation.astype(np.float32)


def turned(encoder: keras.Model, turn: Matrix) -> list[Matrix]:
    """The weights of an encoder whose projection comes last, for embeddings multiplied by `turn` (dim, k)."""
    *others, kernel, bias = encoder.get_weights()
    return [*others, kernel @ turn, bias @ turn]
