"""The exported file gives what librosa and Keras give."""

import numpy as np
import pytest

from ml.encoder import Encoder
from ml.spec import EMBEDDING_DIM, SIAMESE
from tests import synth
from tests.ml.tiny import SPEC

pytestmark = pytest.mark.train

SCALE = 0.37


@pytest.mark.parametrize("spec", [SPEC, SIAMESE], ids=["tiny", "siamese"])
def test_onnx_from_waveform_equals_keras_on_librosas_picture(spec, rng):
    from ml.training.export import encoder_onnx
    from ml.training.network import siamese_encoder
    from ml.training.spectrogram import mel_image

    network = siamese_encoder(spec)
    song = synth.melody(rng, 3 * spec.fragment_s, spec.sample_rate_hz)
    fragments = np.stack([*np.split(song, 3), 1e-3 * song[: len(song) // 3]])

    embeddings = Encoder(encoder_onnx(network, spec, SCALE), spec, "exported").embed(fragments)

    images = np.stack([mel_image(fragment, spec) for fragment in fragments])[..., None]
    assert embeddings.shape == (4, EMBEDDING_DIM)
    np.testing.assert_allclose(embeddings[:, : spec.dim], SCALE * np.asarray(network(images)), atol=1e-4)
    assert not embeddings[:, spec.dim :].any()


def test_silence_and_full_scale_give_numbers():
    from ml.training.export import encoder_onnx
    from ml.training.network import siamese_encoder

    encoder = Encoder(encoder_onnx(siamese_encoder(SPEC), SPEC, SCALE), SPEC, "exported")
    extremes = np.stack([np.full(SPEC.fragment_samples, level, np.float32) for level in (0, 1e-20, 1)])

    assert np.isfinite(encoder.embed(extremes)).all()
