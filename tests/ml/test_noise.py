"""Noise has the level and the colour that it is said to have."""

import numpy as np
import pytest

from songradar.ml.errors import AudioReadError
from songradar.ml.noise import draw_noise, mix_at_snr, pink_noise, read_noises, rms
from tests import synth


def test_rms_of_a_sine_is_its_peak_over_root_two():
    sine = 0.5 * np.sin(2 * np.pi * np.arange(8000) / 80).astype(np.float32)

    assert rms(sine) == pytest.approx(0.5 / np.sqrt(2), rel=1e-5)
    assert rms(np.zeros(0, np.float32)) == 0


@pytest.mark.parametrize("snr_db", [-10, 0, 5, 20])
def test_mix_has_the_ratio_asked_for(snr_db, rng):
    signal, noise = 0.1 * synth.melody(rng, 2), 0.01 * pink_noise(2 * synth.RATE_HZ, rng)

    mixed = mix_at_snr(signal, noise, snr_db)

    assert mixed.dtype == np.float32
    assert 20 * np.log10(rms(signal) / rms(mixed - signal)) == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize("snr_db", [-20, 0, 20])
def test_mix_stays_within_full_scale_and_keeps_the_ratio(snr_db, rng):
    signal, noise = 2 * synth.melody(rng, 1), pink_noise(synth.RATE_HZ, rng)

    mixed = mix_at_snr(signal, noise, snr_db).astype(np.float64)

    weights, *_ = np.linalg.lstsq(np.stack([signal, noise], axis=1).astype(np.float64), mixed, rcond=None)
    assert np.max(np.abs(mixed)) <= 1
    assert 20 * np.log10(weights[0] * rms(signal) / (weights[1] * rms(noise))) == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize("silent", ["signal", "noise"])
def test_silence_has_no_ratio(silent, rng):
    sound, silence = synth.melody(rng, 1), np.zeros(synth.RATE_HZ, np.float32)
    signal, noise = (silence, sound) if silent == "signal" else (sound, silence)

    with pytest.raises(ValueError, match="two signals that are not silent"):
        mix_at_snr(signal, noise, 5)


def test_pink_noise_depends_on_the_seed_only():
    first, again, other = (pink_noise(1001, np.random.default_rng(seed)) for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.dtype == np.float32
    assert len(first) == 1001
    assert np.max(np.abs(first)) == 1


def test_pink_noise_falls_3_db_an_octave(rng):
    power = np.abs(np.fft.rfft(pink_noise(2**18, rng))) ** 2
    octaves = 2 ** np.arange(6, 17)

    density_db = [10 * np.log10(np.mean(power[low : 2 * low])) for low in octaves]

    slope = np.polyfit(np.arange(len(octaves)), density_db, 1)[0]
    assert slope == pytest.approx(-3.01, abs=0.15)


def test_noise_is_cut_from_a_recording(rng):
    recording = np.arange(1, 1001, dtype=np.float32)

    cut = draw_noise([recording], 100, rng)

    assert len(cut) == 100
    np.testing.assert_array_equal(np.diff(cut), 1)


def test_short_noise_is_repeated(rng):
    recording = np.arange(1, 8, dtype=np.float32)

    cut = draw_noise([recording], 100, rng)

    np.testing.assert_array_equal(cut, np.resize(np.roll(recording, 1 - int(cut[0])), 100))


def test_every_recording_and_place_can_be_drawn(rng):
    recordings = [np.full(10, value, np.float32) for value in (1, 2, 3)]
    ramp = np.arange(1, 6, dtype=np.float32)

    assert {float(draw_noise(recordings, 4, rng)[0]) for _ in range(100)} == {1, 2, 3}
    assert {float(draw_noise([ramp], 3, rng)[0]) for _ in range(100)} == {1, 2, 3}


@pytest.mark.parametrize("noises", [[], [np.zeros(1000, np.float32)]])
def test_pink_noise_stands_in_where_there_is_none(noises, rng):
    cut = draw_noise(noises, 500, rng)

    assert len(cut) == 500
    assert rms(cut) > 0


def test_recordings_that_are_not_silent_are_read(tmp_path, rng):
    crowd = synth.write_wav(tmp_path / "crowd.wav", synth.melody(rng, 1))
    silent = synth.write_wav(tmp_path / "silent.wav", np.zeros(1000, np.float32))

    noises = read_noises([silent, crowd], 8000)

    assert list(noises) == [crowd]
    assert len(noises[crowd]) == pytest.approx(8000, abs=2)


def test_recording_that_cannot_be_read_is_named(tmp_path, rng):
    crowd = synth.write_wav(tmp_path / "crowd.wav", synth.melody(rng, 1))
    (tmp_path / "broken.wav").write_bytes(b"RIFF")

    with pytest.raises(AudioReadError, match="broken.wav: is not audio that can be decoded"):
        read_noises([crowd, tmp_path / "broken.wav"], 8000)


def test_silence_alone_is_no_noise(tmp_path):
    silent = synth.write_wav(tmp_path / "silent.wav", np.zeros(1000, np.float32))

    with pytest.raises(AudioReadError, match="silent.wav: no noise that can be used"):
        read_noises([silent], 8000)


def test_no_recordings_are_no_noise():
    with pytest.raises(AudioReadError, match="no noise that can be used"):
        read_noises([], 8000)
