"""The picture of a fragment and the frames of a song are librosa's."""

import numpy as np
import pytest

from songradar.ml.spec import CONTRASTIVE, SIAMESE
from tests import synth

pytestmark = pytest.mark.train


def test_mel_db_is_that_of_librosa(rng):
    import librosa

    from songradar.ml.training.spectrogram import mel_db

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
    from songradar.ml.training.spectrogram import mel_image

    image = mel_image(synth.melody(rng, SIAMESE.fragment_s), SIAMESE)

    assert image.dtype == np.float32
    assert (image.min(), image.max()) == (0, 1)


def test_image_does_not_depend_on_the_level(rng):
    from songradar.ml.training.spectrogram import mel_image

    wave = synth.melody(rng, SIAMESE.fragment_s)

    np.testing.assert_allclose(mel_image(0.1 * wave, SIAMESE), mel_image(wave, SIAMESE), atol=1e-4)


def test_drawing_is_a_png(tmp_path, rng):
    from songradar.ml.training.spectrogram import draw

    draw(synth.melody(rng, SIAMESE.fragment_s), SIAMESE, 20.0, "Vibe Ace", tmp_path / "picture.png")

    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_log_mel_is_that_of_librosa(rng):
    import librosa

    from songradar.ml.training.spectrogram import log_mel

    wave = synth.melody(rng, 3.0, CONTRASTIVE.sample_rate_hz)

    power = librosa.feature.melspectrogram(
        y=wave,
        sr=CONTRASTIVE.sample_rate_hz,
        n_fft=CONTRASTIVE.n_fft,
        hop_length=CONTRASTIVE.hop_length,
        n_mels=CONTRASTIVE.n_mels,
        fmin=CONTRASTIVE.f_min_hz,
        fmax=CONTRASTIVE.f_max_hz,
        center=False,
    )

    got = log_mel(wave, CONTRASTIVE)
    assert got.dtype == np.float32
    assert got.shape == (1 + (24_000 - 1024) // 250, 128)
    np.testing.assert_allclose(got, librosa.power_to_db(power, top_db=None).T, atol=1e-4)


def test_fragment_has_its_number_of_frames(rng):
    from songradar.ml.training.spectrogram import log_mel

    wave = synth.melody(rng, 1.0, CONTRASTIVE.sample_rate_hz)[: CONTRASTIVE.fragment_samples]

    assert len(log_mel(wave, CONTRASTIVE)) == CONTRASTIVE.n_frames
    assert len(log_mel(wave[:-1], CONTRASTIVE)) == CONTRASTIVE.n_frames - 1


@pytest.mark.parametrize("n_hops", [1, 16, 31])
def test_piece_has_the_frames_of_the_whole(n_hops, rng):
    from songradar.ml.training.spectrogram import log_mel

    wave = synth.melody(rng, 3.0, CONTRASTIVE.sample_rate_hz)
    start = n_hops * CONTRASTIVE.hop_length

    piece = log_mel(wave[start : start + CONTRASTIVE.fragment_samples], CONTRASTIVE)

    whole = log_mel(wave, CONTRASTIVE)
    np.testing.assert_allclose(piece, whole[n_hops : n_hops + CONTRASTIVE.n_frames], atol=1e-3)


def frames(wave):
    from songradar.ml.training.spectrogram import log_mel

    return log_mel(wave, CONTRASTIVE)[None, : CONTRASTIVE.n_frames]


def test_standardised_frames_have_no_level_and_a_limited_range(rng):
    from songradar.ml.training.spectrogram import standardised

    views = np.concatenate([frames(synth.melody(rng, 1.0, CONTRASTIVE.sample_rate_hz)) for _ in range(3)])

    standard = standardised(views, CONTRASTIVE.top_db)

    assert standard.shape == views.shape
    assert standard.dtype == np.float32
    np.testing.assert_allclose(standard.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(np.ptp(standard, axis=(1, 2)), CONTRASTIVE.top_db / 20, atol=1e-5)


@pytest.mark.parametrize("gain", [0.1, 3.0])
def test_standardised_frames_do_not_depend_on_the_gain(gain, rng):
    from songradar.ml.training.spectrogram import standardised

    wave = synth.melody(rng, 1.0, CONTRASTIVE.sample_rate_hz)

    louder, as_it_is = (standardised(frames(factor * wave), CONTRASTIVE.top_db) for factor in (gain, 1))

    np.testing.assert_allclose(louder, as_it_is, atol=1e-4)


def test_silence_standardised_is_zero():
    from songradar.ml.training.spectrogram import standardised

    assert not standardised(frames(np.zeros(8000, np.float32)), CONTRASTIVE.top_db).any()
