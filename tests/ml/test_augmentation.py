"""Each step between loudspeaker and file does what its name says, and only that."""

import numpy as np
import pytest

from songradar.ml import augmentation
from songradar.ml.noise import rms
from tests import synth

RATE_HZ = 8000


def tone(hz, rate_hz=RATE_HZ, duration_s=1.0):
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (0.3 * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def level_db(wave):
    """Of the middle half, where a filter has settled."""
    return 20 * np.log10(rms(wave[len(wave) // 4 : -len(wave) // 4]))


def loudest_hz(wave, rate_hz=RATE_HZ):
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return np.argmax(spectrum) * rate_hz / len(wave)


def delay_s(wave, original, rate_hz=RATE_HZ):
    """How much later `wave` is than `original`: the highest peak of their cross-correlation."""
    n_fft = 2 * len(original)
    likeness = np.fft.irfft(np.fft.rfft(wave, n_fft) * np.conj(np.fft.rfft(original, n_fft)), n_fft)
    lag = int(np.argmax(likeness))
    return (lag - n_fft if lag > n_fft // 2 else lag) / rate_hz


@pytest.fixture
def song(rng):
    """Two seconds of melody with a little hiss, so that it has one place only in a cross-correlation."""
    hiss = 0.02 * rng.standard_normal(2 * RATE_HZ)
    return (synth.melody(rng, 2.0, RATE_HZ) + hiss).astype(np.float32)


@pytest.fixture
def response(rng):
    return (rng.standard_normal(800) * np.exp(-np.arange(800) / 150)).astype(np.float32)


def test_reverberation_is_a_convolution(song, response):
    heard = augmentation.reverberate(song, response)

    expected = np.convolve(song, response)[: len(song)]
    assert heard.dtype == np.float32
    np.testing.assert_allclose(heard, expected * rms(song) / rms(expected), atol=1e-5)


def test_reverberation_keeps_the_level(song, response):
    assert rms(augmentation.reverberate(song, 7 * response)) == pytest.approx(rms(song), rel=1e-4)
    assert rms(augmentation.reverberate(song, response, 4000)) == pytest.approx(rms(song[4000:]), rel=1e-4)


def test_moment_before_is_heard_as_its_tail(song, response):
    before = np.concatenate([song[:4000], 1e-3 * song[4000:8000]])

    heard = augmentation.reverberate(before, response, pre_roll=4000)

    whole = np.convolve(before, response)[4000:8000]
    assert len(heard) == 4000
    assert np.corrcoef(heard, whole)[0, 1] > 0.9999
    assert rms(heard[:200]) > 10 * rms(heard[-200:])  # the tail is louder than what is played now


def test_reverberation_of_silence_is_silence(response):
    assert not augmentation.reverberate(np.zeros(4000, np.float32), response, 1000).any()


@pytest.mark.parametrize("level", [0.01, 0.1, 1.0])
def test_level_is_the_one_asked_for(level, song):
    assert rms(augmentation.at_level(song, level)) == pytest.approx(level, rel=1e-5)


def test_silence_at_any_level_is_silence():
    np.testing.assert_array_equal(augmentation.at_level(np.zeros(9, np.float32), 0.1), np.zeros(9))


@pytest.mark.parametrize("rate_hz", [8000, 16_000])
@pytest.mark.parametrize("poles", [2, 4])
def test_telephone_band_keeps_its_middle_and_drops_its_sides(poles, rate_hz):
    low, middle, high = (tone(hz, rate_hz) for hz in (100, 1000, 3900))

    fall = [
        level_db(wave) - level_db(augmentation.band_pass(wave, rate_hz, 300, 3400, poles))
        for wave in (low, middle, high)
    ]

    assert fall[0] == pytest.approx(6.02 * poles * np.log2(300 / 100), abs=1)
    assert fall[1] == pytest.approx(0, abs=0.2)
    assert fall[2] > 6.02 * poles * np.log2(3900 / 3400)


def test_band_as_wide_as_the_sampling_has_no_upper_limit():
    high = tone(3900)

    assert level_db(augmentation.band_pass(high, RATE_HZ, 100, RATE_HZ / 2)) == pytest.approx(level_db(high), abs=0.1)


def test_band_pass_leaves_a_click_in_its_place():
    click = np.zeros(RATE_HZ, np.float32)
    click[4000] = 0.5

    heard = augmentation.band_pass(click, RATE_HZ, 100, 3800)

    assert abs(int(np.argmax(np.abs(heard))) - 4000) <= 8


@pytest.mark.parametrize("over_db", [3, 15])
def test_clipping_cuts_what_stands_out_and_leaves_the_rest(over_db, song):
    ceiling = np.max(np.abs(song)) * 10 ** (-over_db / 20)
    loud = np.abs(song) > ceiling

    clipped = augmentation.clip(song, over_db)

    np.testing.assert_array_equal(clipped[~loud], song[~loud])
    np.testing.assert_allclose(np.abs(clipped[loud]), ceiling, rtol=1e-5)


def test_compression_brings_loud_and_quiet_together():
    wave = np.concatenate([tone(440), 0.05 * tone(440)])

    compressed = augmentation.compress(wave, RATE_HZ, threshold_db=-24, ratio=4)

    loud, quiet = np.split(compressed, 2)
    assert len(compressed) == len(wave)
    assert 12 < level_db(loud) - level_db(quiet) < 20  # 26 dB before


def test_compression_leaves_what_is_below_the_threshold():
    quiet = 0.05 * tone(440)

    assert level_db(augmentation.compress(quiet, RATE_HZ, -24)) == pytest.approx(level_db(quiet), abs=0.1)


def test_boost_raises_its_octave_alone():
    for hz, gain_db in ((100, 0), (1000, 6), (3900, 0)):
        wave = tone(hz)

        assert level_db(augmentation.boost(wave, RATE_HZ, 1000, 6)) - level_db(wave) == pytest.approx(gain_db, abs=0.5)


def test_limiter_keeps_peaks_below_its_ceiling_and_everything_in_its_place():
    wave = np.concatenate([tone(440), 4 * tone(440), tone(440)])
    limited = augmentation.limit(wave, RATE_HZ, -3.0)

    assert len(limited) == len(wave)
    assert np.max(np.abs(limited)) == pytest.approx(10 ** (-3 / 20), abs=1e-3)
    np.testing.assert_allclose(limited[:7000], wave[:7000], atol=1e-3)


@pytest.mark.parametrize("factor", [0.96, 1.04])
def test_speed_changes_length_and_pitch(factor):
    played = augmentation.change_speed(tone(1000, duration_s=2), RATE_HZ, factor)

    assert len(played) == pytest.approx(2 * RATE_HZ / factor, abs=2)
    assert loudest_hz(played) == pytest.approx(1000 * factor, abs=1)


@pytest.mark.parametrize("factor", [0.93, 1.07])
def test_tempo_changes_length_and_not_pitch(factor):
    played = augmentation.change_tempo(tone(1000, duration_s=2), RATE_HZ, factor)

    assert len(played) == pytest.approx(2 * RATE_HZ / factor, abs=0.01 * RATE_HZ)
    assert loudest_hz(played) == pytest.approx(1000, abs=1)


@pytest.mark.parametrize("semitones", [-0.8, 0.5, 1])
def test_pitch_changes_and_length_does_not(semitones):
    played = augmentation.change_pitch(tone(1000, duration_s=2), RATE_HZ, semitones)

    assert len(played) == pytest.approx(2 * RATE_HZ, abs=0.01 * RATE_HZ)
    assert loudest_hz(played) == pytest.approx(1000 * 2 ** (semitones / 12), abs=1)


@pytest.mark.parametrize("rate_hz", [8000, 16_000])
@pytest.mark.parametrize("name", augmentation.CODECS)
def test_codec_keeps_length_and_place(name, rate_hz, rng):
    song = synth.melody(rng, 2.0, rate_hz) + 0.02 * rng.standard_normal(2 * rate_hz).astype(np.float32)

    heard = augmentation.through_codec(song, rate_hz, name)

    assert heard.dtype == np.float32
    assert len(heard) == len(song)
    assert abs(delay_s(heard, song, rate_hz)) <= (0.0055 if name == "amr" else 0.001)


@pytest.mark.parametrize("name", augmentation.CODECS)
def test_codec_is_lossy_and_yet_alike(name, song):
    heard = augmentation.through_codec(song, RATE_HZ, name)

    before, after = (np.abs(np.fft.rfft(np.reshape(wave, (-1, 400)))).ravel() for wave in (song, heard))
    assert np.corrcoef(before, after)[0, 1] > (0.6 if name == "amr" else 0.9)
    assert 0.8 < rms(heard) / rms(song) < 1.2
    assert not np.array_equal(heard, song)


@pytest.mark.parametrize("name", augmentation.CODECS)
def test_encoded_file_is_the_same_each_time(name, song):
    first, again = (augmentation.encoded(song, RATE_HZ, name) for _ in range(2))

    assert first == again


def test_fewer_bits_are_further_from_the_song(song):
    coarse, fine = (augmentation.through_codec(song, RATE_HZ, "mp3", bit_rate) for bit_rate in (8000, 64_000))

    assert rms(coarse - song) > 2 * rms(fine - song)


def test_responses_have_an_energy_of_one(tmp_path, response):
    paths = [synth.write_wav(tmp_path / f"{gain}.wav", gain * 0.3 * response, RATE_HZ) for gain in (0.2, 1.0)]

    responses = augmentation.read_responses(paths, RATE_HZ)

    assert [float(np.sum(wave**2)) for wave in responses] == pytest.approx([1, 1], rel=1e-4)
    clipped = np.clip(0.3 * response, -1, 1)[-len(responses[1]) :]
    assert np.corrcoef(responses[1], clipped)[0, 1] > 0.999


def test_response_begins_with_the_first_arrival(tmp_path, response):
    late = np.concatenate([np.full(900, 0.001), 0.5 * response / np.abs(response).max()])
    path = synth.write_wav(tmp_path / "late.wav", late, RATE_HZ)

    [found] = augmentation.read_responses([path], RATE_HZ)

    first = int(np.argmax(np.abs(response) > 0.1 * np.abs(response).max()))
    assert len(found) == len(response) - first
    assert np.corrcoef(found, response[first:])[0, 1] > 0.999


def test_silent_responses_are_left_out(tmp_path):
    silent = synth.write_wav(tmp_path / "silent.wav", np.zeros(800, np.float32), RATE_HZ)

    assert augmentation.read_responses([silent], RATE_HZ) == []


def test_every_response_can_be_drawn(rng):
    responses = [np.full(3, value, np.float32) for value in (1, 2, 3)]

    assert {float(augmentation.random_response(responses, rng)[0]) for _ in range(100)} == {1, 2, 3}
