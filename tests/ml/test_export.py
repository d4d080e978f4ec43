"""The exported file gives what librosa and Keras give."""

import numpy as np
import onnx
import pytest

from songradar.ml.encoder import Encoder
from songradar.ml.spec import CONTRASTIVE, EMBEDDING_DIM, SIAMESE
from tests import synth
from tests.ml.tiny import SPEC

pytestmark = pytest.mark.train

SCALE = 0.37


@pytest.mark.parametrize("spec", [SPEC, SIAMESE], ids=["tiny", "siamese"])
def test_onnx_from_waveform_equals_keras_on_librosas_picture(spec, rng):
    from songradar.ml.training.export import encoder_onnx
    from songradar.ml.training.siamese.network import siamese_encoder
    from songradar.ml.training.spectrogram import mel_image

    network = siamese_encoder(spec)
    song = synth.melody(rng, 3 * spec.fragment_s, spec.sample_rate_hz)
    fragments = np.stack([*np.split(song, 3), 1e-3 * song[: len(song) // 3]])

    centre = rng.uniform(0, 1, spec.dim).astype(np.float32)
    embeddings = Encoder(encoder_onnx(network, spec, SCALE, centre), spec, "exported").embed(fragments)

    images = np.stack([mel_image(fragment, spec) for fragment in fragments])[..., None]
    assert embeddings.shape == (4, EMBEDDING_DIM)
    np.testing.assert_allclose(embeddings[:, : spec.dim], SCALE * (np.asarray(network(images)) - centre), atol=1e-5)
    assert not embeddings[:, spec.dim :].any()


def test_silence_and_full_scale_give_numbers():
    from songradar.ml.training.export import encoder_onnx
    from songradar.ml.training.siamese.network import siamese_encoder

    encoder = Encoder(encoder_onnx(siamese_encoder(SPEC), SPEC, SCALE), SPEC, "exported")
    extremes = np.stack([np.full(SPEC.fragment_samples, level, np.float32) for level in (0, 1e-20, 1)])

    assert np.isfinite(encoder.embed(extremes)).all()


@pytest.fixture
def contrastive():
    """A narrow one, whose normalisations do not leave everything as it is."""
    from songradar.ml.training.contrastive.network import contrastive_encoder

    encoder, rng = contrastive_encoder(CONTRASTIVE, (4, 4, 4, 4)), np.random.default_rng(3)
    encoder.set_weights([weight + rng.uniform(0, 0.2, weight.shape) for weight in encoder.get_weights()])
    return encoder


def test_contrastive_onnx_equals_keras_on_standardised_frames(contrastive, rng):
    from songradar.ml.training.export import encoder_onnx
    from songradar.ml.training.spectrogram import log_mel, standardised

    size = CONTRASTIVE.fragment_samples
    song = synth.melody(rng, 3.0, CONTRASTIVE.sample_rate_hz)
    fragments = np.stack([*np.split(song[: 3 * size], 3), 1e-2 * song[:size]])

    embeddings = Encoder(encoder_onnx(contrastive, CONTRASTIVE), CONTRASTIVE, "exported").embed(fragments)

    views = standardised(np.stack([log_mel(fragment, CONTRASTIVE) for fragment in fragments]), CONTRASTIVE.top_db)
    assert embeddings.shape == (4, EMBEDDING_DIM)
    np.testing.assert_allclose(embeddings, contrastive(views[..., None]), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-4)
    assert np.ptp(embeddings[:3], axis=0).max() > 0.01  # another fragment, another embedding


def test_onnx_names_each_set_of_operators_once(contrastive):
    from songradar.ml.training.export import encoder_onnx

    model = onnx.load_from_string(encoder_onnx(contrastive, CONTRASTIVE))

    domains = [opset.domain for opset in model.opset_import]
    assert sorted(domains) == sorted(set(domains))


def test_contrastive_onnx_gives_numbers_for_silence_and_full_scale(contrastive):
    from songradar.ml.training.export import encoder_onnx

    encoder = Encoder(encoder_onnx(contrastive, CONTRASTIVE), CONTRASTIVE, "exported")
    extremes = np.stack([np.full(CONTRASTIVE.fragment_samples, level, np.float32) for level in (0, 1e-20, 1)])

    assert np.isfinite(encoder.embed(extremes)).all()
