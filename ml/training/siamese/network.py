"""The article's Siamese network: one encoder for both fragments, Euclidean distance, one sigmoid unit."""

from typing import Any

import keras
from keras import layers, ops

from songradar.ml.spec import AudioSpec

FILTERS = (32, 64, 64, 64)


@keras.saving.register_keras_serializable("songradar")
class EuclideanDistance(layers.Layer):
    """((N, D), (N, D)) -> (N, 1): the distance between two embeddings."""

    def call(self, pair: Any) -> Any:
        a, b = pair
        # The gradient of a square root has no bound at zero, where two equal fragments would put it.
        return ops.sqrt(ops.maximum(ops.sum(ops.square(a - b), axis=1, keepdims=True), keras.config.epsilon()))


def siamese_encoder(spec: AudioSpec, pooling: bool = True) -> keras.Model:
    """(N, n_mels, n_frames, 1) in 0..1 -> (N, 64): four 3x3 convolutions and the maximum of each map.

    The article names convolutions and global max pooling, and nothing between them. Left at that, a filter of the
    last layer sees 9 x 9 cells, 0.6 s of a narrow band, and costs 12 times the arithmetic. Halving the picture after
    each convolution but the last widens its view to 38 x 38 cells, 2.5 s: room for a rhythm and a chord. Measured with
    `songradar train siamese --steps 40`, first epoch: 371 s without pooling, 32 s with it, for the same loss on songs
    not trained on (0.655 and 0.660).
    """
    image = keras.Input((spec.n_mels, spec.n_frames, 1), name="image")
    x = image
    for i, n_filters in enumerate(FILTERS):
        x = layers.Conv2D(n_filters, 3, activation="relu", name=f"conv{i + 1}")(x)
        if pooling and i + 1 < len(FILTERS):
            x = layers.MaxPooling2D(2, name=f"pool{i + 1}")(x)
    return keras.Model(image, layers.GlobalMaxPooling2D(name="embedding")(x), name="encoder")


def siamese_network(encoder: keras.Model, learning_rate: float = 1e-3) -> keras.Model:
    """Two images -> the probability that they are of the same song; compiled for binary cross-entropy."""
    a = keras.Input(encoder.input_shape[1:], name="a")
    b = keras.Input(encoder.input_shape[1:], name="b")
    distance = EuclideanDistance(name="distance")([encoder(a), encoder(b)])
    same = layers.Dense(1, activation="sigmoid", name="same_song")(distance)
    model = keras.Model([a, b], same, name="siamese")
    model.compile(keras.optimizers.Adam(learning_rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def extract_encoder(siamese: keras.Model) -> keras.Model:
    """Take the shared encoder, with its trained weights, out of a Siamese network."""
    return siamese.get_layer("encoder")
