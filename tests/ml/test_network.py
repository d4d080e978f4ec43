"""The article's network: its layers, its one encoder, its symmetry."""

import numpy as np
import pytest

from songradar.ml.spec import SIAMESE
from tests.ml.tiny import SPEC

pytestmark = pytest.mark.train


@pytest.fixture
def network():
    from songradar.ml.training.siamese import network

    return network


def images(rng, n):
    return rng.random((n, SPEC.n_mels, SPEC.n_frames, 1), np.float32)


def test_encoder_has_the_layers_of_the_article(network):
    encoder = network.siamese_encoder(SIAMESE)

    convolutions = [layer for layer in encoder.layers if type(layer).__name__ == "Conv2D"]
    assert [(layer.filters, layer.kernel_size) for layer in convolutions] == [
        (32, (3, 3)),
        (64, (3, 3)),
        (64, (3, 3)),
        (64, (3, 3)),
    ]
    assert {layer.activation.__name__ for layer in convolutions} == {"relu"}
    assert type(encoder.layers[-1]).__name__ == "GlobalMaxPooling2D"
    assert encoder.input_shape == (None, 150, 150, 1)
    assert encoder.output_shape == (None, SIAMESE.dim)


@pytest.mark.parametrize(("pooling", "n_pools", "n_cells"), [(True, 3, 15), (False, 0, 142)])
def test_pooling_stands_between_the_convolutions(pooling, n_pools, n_cells, network):
    encoder = network.siamese_encoder(SIAMESE, pooling)

    assert sum(type(layer).__name__ == "MaxPooling2D" for layer in encoder.layers) == n_pools
    assert encoder.get_layer("conv4").output.shape[1:3] == (n_cells, n_cells)


def test_both_fragments_share_one_encoder(network):
    encoder = network.siamese_encoder(SPEC)

    siamese = network.siamese_network(encoder)

    assert siamese.get_layer("encoder") is encoder
    assert siamese.count_params() == encoder.count_params() + 2  # weight and bias of the sigmoid unit
    assert siamese.loss == "binary_crossentropy"


def test_network_is_symmetric(network, rng):
    siamese = network.siamese_network(network.siamese_encoder(SPEC))
    a, b = images(rng, 5), images(rng, 5)

    np.testing.assert_allclose(siamese([a, b]), siamese([b, a]), atol=1e-6)


def test_output_is_a_sigmoid_of_the_euclidean_distance(network, rng):
    siamese = network.siamese_network(network.siamese_encoder(SPEC))
    a, b = images(rng, 5), images(rng, 5)
    encoder = network.extract_encoder(siamese)
    weight, bias = siamese.get_layer("same_song").get_weights()

    distance = np.linalg.norm(np.asarray(encoder(a)) - np.asarray(encoder(b)), axis=1, keepdims=True)

    expected = 1 / (1 + np.exp(-(distance * weight + bias)))
    np.testing.assert_allclose(siamese([a, b]), expected, atol=1e-5)


def test_distance_of_a_fragment_from_itself_has_a_gradient(network):
    import tensorflow as tf

    a = tf.constant([[1.0, 2.0]])
    with tf.GradientTape() as tape:
        tape.watch(a)
        distance = network.EuclideanDistance()([a, tf.identity(a)])

    assert float(distance[0, 0]) < 1e-3
    assert np.isfinite(tape.gradient(distance, a)).all()


def test_extracted_encoder_has_the_trained_weights(network, rng, tmp_path):
    import keras

    siamese = network.siamese_network(network.siamese_encoder(SPEC))
    before = siamese.get_layer("encoder").get_weights()
    siamese.fit([images(rng, 4), images(rng, 4)], np.array([[1], [0], [1], [0]]), verbose=0)
    siamese.save(tmp_path / "siamese.keras")

    extracted = network.extract_encoder(keras.saving.load_model(tmp_path / "siamese.keras"))

    trained = siamese.get_layer("encoder").get_weights()
    assert any(not np.array_equal(old, new) for old, new in zip(before, trained, strict=True))
    for got, expected in zip(extracted.get_weights(), trained, strict=True):
        np.testing.assert_array_equal(got, expected)
