"""Turns of the embeddings' space: what they keep, and what they make better."""

import numpy as np
import pytest

pytestmark = pytest.mark.train


@pytest.fixture
def projection():
    from songradar.ml.training.contrastive import projection

    return projection


@pytest.fixture
def embeddings(rng):
    """(2000, 16) unit vectors that vary much in some directions and little in others, none of them an axis."""
    stretched = rng.standard_normal((2000, 16)) * np.geomspace(1, 0.05, 16)
    vectors = stretched @ np.linalg.qr(rng.standard_normal((16, 16)))[0]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_principal_directions_keep_most_of_the_embeddings(projection, embeddings):
    directions = projection.principal_directions(embeddings, 8)

    np.testing.assert_allclose(directions.T @ directions, np.eye(8), atol=1e-5)
    assert np.mean(np.sum((embeddings @ directions) ** 2, axis=1)) > 0.9


def test_signs_after_itq_tell_neighbours_better(projection, embeddings):
    rotation = projection.itq_rotation(embeddings)

    np.testing.assert_allclose(rotation.T @ rotation, np.eye(16), atol=1e-5)
    principal = embeddings @ projection.principal_directions(embeddings, 16)
    assert likeness_of_signs(embeddings, embeddings @ rotation) > likeness_of_signs(embeddings, principal) + 0.02


def likeness_of_signs(embeddings, rotated):
    """Correlation of similarities with the signs' agreement, over all pairs of some."""
    codes = np.sign(rotated[:300])
    return np.corrcoef((embeddings[:300] @ embeddings[:300].T).ravel(), (codes @ codes.T).ravel())[0, 1]


def test_turned_encoder_gives_turned_embeddings(projection, embeddings, rng):
    from songradar.ml.training.contrastive.network import contrastive_encoder
    from tests.ml.tiny import CONTRASTIVE_SPEC as SPEC

    encoder = contrastive_encoder(SPEC, (4, 4, 4, 4))
    frames = rng.standard_normal((5, SPEC.n_frames, SPEC.n_mels, 1))
    before = np.asarray(encoder(frames))
    rotation = projection.itq_rotation(before)

    encoder.set_weights(projection.turned(encoder, rotation))

    np.testing.assert_allclose(np.asarray(encoder(frames)), before @ rotation, atol=1e-5)
