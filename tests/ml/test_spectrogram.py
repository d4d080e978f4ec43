"""The picture of a fragment is librosa's."""

import numpy as np
import pytest

from ml.spec import SIAMESE
from tests import synth

pytestmark = pytest.mark.train


def test_mel_db_is_that_of_librosa(rng):
    import librosa

    from ml.training.spectrogram import mel_db

    wave = synth.melody(rng, SIAMESE.fragment_s)

    power = librosa.feature.melspectrogram(
        y=wave,
        sr=SIAMESE.sample_rate_hz,
        n_fft=SIAMESE.n_fft,
        hop_length=SIAMESE.hop_length,
        n_mels=SIAMESE.n_mels,
    )

    expected = librosa.power_to_db(power, ref=np.max)[:, : SIAMESE.n_frames]
    got = mel_db(wave, SIAMESE)
    assert got.shape == (150, 150)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_image_reaches_from_80_db_below_the_loudest_cell_to_it(rng):
    from ml.training.spectrogram import mel_image

    image = mel_image(synth.melody(rng, SIAMESE.fragment_s), SIAMESE)

    assert image.dtype == np.float32
    assert (image.min(), image.max()) == (0, 1)


def test_image_does_not_depend_on_the_level(rng):
    from ml.training.spectrogram import mel_image

    wave = synth.melody(rng, SIAMESE.fragment_s)

    np.testing.assert_allclose(mel_image(0.1 * wave, SIAMESE), mel_image(wave, SIAMESE), atol=1e-4)


def test_drawing_is_a_png(tmp_path, rng):
    from ml.training.spectrogram import draw

    draw(synth.melody(rng, SIAMESE.fragment_s), SIAMESE, 20.0, "Vibe Ace", tmp_path / "picture.png")

    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
