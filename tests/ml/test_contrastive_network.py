"""The shipped network's shape, and its loss against one written out in NumPy."""

import numpy as np
import pytest

from songradar.ml.spec import CONTRASTIVE

pytestmark = pytest.mark.train

TEMPERATURE = 0.1


@pytest.fixture
def network():
    """The module, and weights that are the same each time: a narrow network of others may hear nothing at all."""
    import keras

    from songradar.ml.training.contrastive import network

    keras.utils.set_random_seed(7)
    return network


@pytest.fixture
def loss(network):
    """`loss(one, embeddings)`, one value a view."""
    import keras

    def loss(one, embeddings):
        values = network.NTXent(TEMPERATURE).call(one.astype(np.float32), embeddings.astype(np.float32))
        return keras.ops.convert_to_numpy(values)

    return loss


def unit_vectors(rng, n, dim=16):
    vectors = rng.standard_normal((n, dim))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def nt_xent(one, embeddings):
    """Equation 1 of Chen et al. (2020), view by view; what follows the 2 n views is a negative to each of them."""
    n = len(one)
    values = []
    for i, z in enumerate(embeddings[: 2 * n]):
        similar = {j: np.exp(z @ other / TEMPERATURE) for j, other in enumerate(embeddings)}
        positive = similar[(i + n) % (2 * n)]
        negatives = [value for j, value in similar.items() if j >= 2 * n or not one[i % n, j % n]]
        values.append(-np.log(positive / (positive + sum(negatives))))
    return np.array(values)


def test_embeddings_are_unit_vectors(network, rng):
    encoder = network.contrastive_encoder(CONTRASTIVE, (4, 4, 4, 4))

    embeddings = np.asarray(encoder(rng.standard_normal((5, CONTRASTIVE.n_frames, CONTRASTIVE.n_mels, 1))))

    assert embeddings.shape == (5, CONTRASTIVE.dim)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_shipped_network_is_compact(network):
    from songradar.ml.training.contrastive.config import ContrastiveConfig

    encoder = network.contrastive_encoder(CONTRASTIVE, ContrastiveConfig().widths)

    assert encoder.input_shape == (None, 28, 128, 1)
    assert encoder.output_shape == (None, 64)
    assert 1_000_000 < encoder.count_params() <= 2_000_000


def test_loss_is_that_of_the_article(loss, rng):
    embeddings, one = unit_vectors(rng, 24), np.eye(12)

    np.testing.assert_allclose(loss(np.tile(one, (2, 1)), embeddings), nt_xent(one, embeddings), rtol=1e-4, atol=1e-5)


def test_views_without_another_are_negatives_only(loss, rng):
    embeddings, one = unit_vectors(rng, 29), np.eye(12)

    values = loss(np.concatenate([one, one, np.zeros((5, 12))]), embeddings)

    np.testing.assert_allclose(values, nt_xent(one, embeddings), rtol=1e-4, atol=1e-5)
    assert (values > loss(np.tile(one, (2, 1)), embeddings[:24])).all()


def test_same_sounds_are_no_negatives(loss, rng):
    embeddings, one = unit_vectors(rng, 24), np.eye(12)
    one[2, 7] = one[7, 2] = one[0, 1] = one[1, 0] = 1

    left_out = loss(np.tile(one, (2, 1)), embeddings)

    np.testing.assert_allclose(left_out, nt_xent(one, embeddings), rtol=1e-4, atol=1e-5)
    all_in = loss(np.tile(np.eye(12), (2, 1)), embeddings)
    changed = np.flatnonzero(left_out < all_in - 1e-6) % 12
    assert sorted(set(changed.tolist())) == [0, 1, 2, 7]


def test_loss_falls_when_positives_come_nearer(loss, rng):
    anchors, others, one = unit_vectors(rng, 12), unit_vectors(rng, 12), np.tile(np.eye(12), (2, 1))

    values = []
    for share in (0, 0.3, 0.6, 1):
        near = share * anchors + (1 - share) * others
        near /= np.linalg.norm(near, axis=1, keepdims=True)
        values.append(loss(one, np.concatenate([anchors, near])).mean())

    assert (np.diff(values) < 0).all()


def test_loss_of_a_batch_without_negatives_is_zero(loss, rng):
    np.testing.assert_allclose(loss(np.ones((8, 4)), unit_vectors(rng, 8)), 0, atol=1e-5)


def test_loss_is_the_mean_over_views_and_survives_saving(network, loss, rng):
    embeddings, one = unit_vectors(rng, 24).astype(np.float32), np.tile(np.eye(12, dtype=np.float32), (2, 1))

    restored = network.NTXent.from_config(network.NTXent(TEMPERATURE).get_config())

    assert float(restored(one, embeddings)) == pytest.approx(loss(one, embeddings).mean(), rel=1e-5)
