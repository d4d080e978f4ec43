"""A compact residual network from one second of log-mel frames to a point on the unit sphere, and its loss."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from songradar.ml.spec import AudioSpec


def contrastive_encoder(spec: AudioSpec, widths: Sequence[int]) -> keras.Model:
    """(N, n_frames, n_mels, 1) standardised -> (N, dim) unit vectors.

    `widths` are the filters of each stage, which halves time and frequency.

    The last maps are flattened, not pooled, because the time and band of each sound distinguish two moments of a song.
    Overlapping fragments cannot share computation, because of this, the strides and the level of each fragment.
    """
    frames = keras.Input((spec.n_frames, spec.n_mels, 1), name="frames")
    x = layers.ReLU()(_convolution(frames, 32, 3, (1, 2)))
    for width in widths:
        x = _residual(x, width)
    x = layers.Dense(spec.dim, dtype="float32", name="projection")(layers.Flatten()(x))
    return keras.Model(frames, layers.UnitNormalization(dtype="float32", name="embedding")(x), name="encoder")


def _residual(x: Any, width: int) -> Any:
    """Two 3x3 convolutions, the first with stride 2, beside a pooled 1x1 one (He et al. 2016, ResNet-D's shortcut)."""
    y = layers.ReLU()(_convolution(x, width, 3, 2))
    y = _convolution(y, width, 3, 1)
    shortcut = _convolution(layers.AveragePooling2D(2, padding="same")(x), width, 1, 1)
    return layers.ReLU()(layers.Add()([y, shortcut]))


def _convolution(x: Any, width: int, size: int, stride: int | tuple[int, int]) -> Any:
    x = layers.Conv2D(width, size, strides=stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.98)(x)


@keras.saving.register_keras_serializable("songradar")
class NTXent(keras.losses.Loss):
    """Normalised temperature-scaled cross-entropy (Chen et al. 2020) over a batch of 2 n views.

    Views i and i + n are a positive pair, and all other views are negatives. Any rows after the first 2 n serve only
    as negatives. `one` (2 n or more, n) marks pairs that are the same sound; these are left out of the negatives.
    Returns one value for each of the 2 n views.
    """

    def __init__(self, temperature: float, name: str = "nt_xent") -> None:
        super().__init__(name=name, reduction="mean")
        self.temperature = temperature

    def call(self, one: Any, embeddings: Any) -> Any:
        embeddings = ops.cast(embeddings, "float32")
        n = ops.shape(one)[1]
        similarities = ops.matmul(embeddings[: 2 * n], ops.transpose(embeddings)) / self.temperature
        positives = ops.tile(ops.diagonal(similarities[:n, n : 2 * n]), 2)
        left_out = ops.concatenate([one[: 2 * n], one[: 2 * n]], axis=1)
        alike = ops.where(left_out > 0, -1e9, similarities[:, : 2 * n])
        others = ops.logsumexp(ops.concatenate([alike, similarities[:, 2 * n :]], axis=1), axis=1)
        return ops.logaddexp(positives, others) - positives

    def get_config(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "name": self.name}
