"""Decoding: every format comes out as the mono tone that went in."""

import tracemalloc
import wave
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from songradar.ml.audio import CHUNK, decode, excerpt, level_dbfs, read_audio, resample
from tests import synth

DEMO = Path(str(files("songradar.cli").joinpath("songs_of_the_demo")))
RATE_HZ = 8000
PITCH_HZ = 1000.0
PEAK = 0.4
FORMATS = [  # ending, codec, container
    ("mp3", "libmp3lame", None),
    ("m4a", "aac", "ipod"),
    ("aac", "aac", "adts"),
    ("opus", "libopus", None),
    ("flac", "flac", None),
    ("wav", "pcm_s16le", None),
    ("wav", "pcm_f32le", None),
    ("aiff", "pcm_s16be", None),
    ("wma", "wmav2", "asf"),
    ("webm", "libopus", None),
]


def tone(duration_s, rate_hz=48_000):
    return (PEAK * np.sin(2 * np.pi * PITCH_HZ * np.arange(round(duration_s * rate_hz)) / rate_hz)).astype(np.float32)


def pitch_hz(samples, rate_hz=RATE_HZ):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * rate_hz / len(samples)


@pytest.mark.parametrize(("ending", "codec", "container"), FORMATS)
def test_tone_keeps_duration_pitch_and_level(ending, codec, container, tmp_path):
    path = synth.encode(tmp_path / f"tone.{ending}", tone(3), codec, container=container)

    samples = read_audio(path, RATE_HZ)

    middle = samples[RATE_HZ : 2 * RATE_HZ]
    assert samples.dtype == np.float32
    assert len(samples) / RATE_HZ == pytest.approx(3, abs=0.06)  # encoders pad to whole frames
    assert pitch_hz(middle) == pytest.approx(PITCH_HZ, abs=1)
    assert level_dbfs(middle) == pytest.approx(20 * np.log10(PEAK / np.sqrt(2)), abs=0.5)  # LAME takes 0.45 dB away


def test_sound_of_a_video_is_decoded(tmp_path):
    path = synth.encode(tmp_path / "film.mp4", tone(3), "aac", picture=True)

    samples = read_audio(path, RATE_HZ)

    assert len(samples) / RATE_HZ == pytest.approx(3, abs=0.06)
    assert pitch_hz(samples[RATE_HZ : 2 * RATE_HZ]) == pytest.approx(PITCH_HZ, abs=1)


@pytest.mark.parametrize("path", sorted(DEMO.glob("*.ogg")), ids=lambda path: path.stem)
def test_ogg_vorbis_from_the_wild_is_decoded(path):
    samples = read_audio(path, RATE_HZ)

    assert len(samples) / RATE_HZ == pytest.approx(30, abs=0.05)
    assert -40 < level_dbfs(samples) < -5


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100, 48_000])
def test_resampled_tone_keeps_its_pitch(rate_hz, tmp_path):
    path = synth.encode(tmp_path / "tone.flac", tone(2), "flac")

    samples = read_audio(path, rate_hz)

    assert len(samples) == pytest.approx(2 * rate_hz, abs=2)
    assert pitch_hz(samples[:rate_hz], rate_hz) == pytest.approx(PITCH_HZ, abs=1)


@pytest.mark.parametrize(("right", "expected"), [(1, PEAK), (0, PEAK / 2), (-1, 0)])
def test_mono_is_the_mean_of_left_and_right(right, expected, tmp_path):
    left = tone(1, RATE_HZ)
    with wave.open(str(tmp_path / "stereo.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.stack([left, right * left], axis=1) * 32767).astype("<i2").tobytes())

    samples = read_audio(tmp_path / "stereo.wav", RATE_HZ)

    assert np.max(np.abs(samples)) == pytest.approx(expected, abs=1e-3)


def test_samples_that_are_no_audio_become_silence_or_full_scale(tmp_path):
    odd = np.array([np.nan, np.inf, -np.inf, 3.0, -3.0, 0.25], np.float32)
    path = synth.encode(tmp_path / "odd.wav", np.concatenate([tone(0.5), odd, tone(0.5)]), "pcm_f32le")

    samples = read_audio(path, 48_000)

    np.testing.assert_array_equal(samples[24_000:24_006], np.array([0, 1, -1, 1, -1, 0.25], np.float32))


def test_resampling_spreads_no_nan(tmp_path):
    broken = tone(1)
    broken[24_000] = np.nan
    broken[30_000] = 1e30
    path = synth.encode(tmp_path / "broken.wav", broken, "pcm_f32le")

    samples = read_audio(path, RATE_HZ)

    assert np.all(np.abs(samples) <= 1)
    assert pitch_hz(samples[: RATE_HZ // 4]) == pytest.approx(PITCH_HZ, abs=2)


@pytest.mark.parametrize(
    ("ending", "codec", "container"),
    [
        ("opus", "libopus", None),
        ("aac", "aac", "adts"),
        ("mp3", "libmp3lame", None),
        ("flac", "flac", None),
    ],
)
def test_stream_that_changes_its_sample_rate_is_decoded_whole(ending, codec, container, tmp_path):
    first = synth.encode(tmp_path / f"first.{ending}", tone(2), codec, container=container)
    second = synth.encode(tmp_path / f"second.{ending}", tone(2, 24_000), codec, rate_hz=24_000, container=container)
    chained = tmp_path / f"chained.{ending}"
    chained.write_bytes(first.read_bytes() + second.read_bytes())

    samples = read_audio(chained, RATE_HZ)

    assert len(samples) / RATE_HZ == pytest.approx(4, abs=0.15)
    assert pitch_hz(samples[RATE_HZ // 2 : 3 * RATE_HZ // 2]) == pytest.approx(PITCH_HZ, abs=1)
    assert pitch_hz(samples[-3 * RATE_HZ // 2 : -RATE_HZ // 2]) == pytest.approx(PITCH_HZ, abs=1)


def test_chained_ogg_vorbis_is_decoded_whole(tmp_path):
    [song] = DEMO.glob("*.ogg")
    chained = tmp_path / "chained.ogg"
    chained.write_bytes(song.read_bytes() * 2)

    assert len(read_audio(chained, RATE_HZ)) / RATE_HZ == pytest.approx(60, abs=0.1)


def test_damaged_middle_costs_only_the_damaged_packets(tmp_path, rng):
    path = synth.encode(tmp_path / "tone.mp3", tone(10), "libmp3lame")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 500] = rng.bytes(500)
    path.write_bytes(data)

    assert len(read_audio(path, RATE_HZ)) / RATE_HZ == pytest.approx(10, abs=0.3)


def test_memory_does_not_grow_with_the_length_of_the_file(tmp_path):
    path = synth.encode(tmp_path / "long.flac", tone(20 * 60, RATE_HZ), "flac", rate_hz=RATE_HZ)

    tracemalloc.start()
    try:
        lengths = [len(block) for block in decode(path, RATE_HZ)]
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert sum(lengths) == 20 * 60 * RATE_HZ
    assert max(lengths) <= 2 * CHUNK
    assert peak_bytes < 2_000_000  # all samples at once would take 38 MB


def test_level_of_silence_is_below_every_number():
    assert level_dbfs(np.zeros(100, np.float32)) == -np.inf
    assert level_dbfs(np.zeros(0, np.float32)) == -np.inf
    assert level_dbfs(np.ones(100, np.float32)) == 0


@pytest.mark.parametrize(("from_hz", "to_hz"), [(16_000, 8000), (8000, 16_000), (22_050, 8000)])
def test_resampled_tone_has_the_same_pitch_place_and_level(from_hz, to_hz):
    resampled = resample(tone(2.0, from_hz), from_hz, to_hz)

    assert resampled.dtype == np.float32
    assert len(resampled) == pytest.approx(2 * to_hz, abs=2)
    middle = slice(to_hz // 2, to_hz)
    np.testing.assert_allclose(resampled[middle], tone(2.0, to_hz)[middle], atol=0.002)


def test_resampling_to_the_same_rate_changes_nothing():
    wave = tone(0.1)

    assert resample(wave, 48_000, 48_000) is wave


def test_resampling_is_what_a_file_of_that_wave_would_give(tmp_path, rng):
    song = synth.melody(rng, 10.0, 16_000)
    path = synth.write_wav(tmp_path / "song.wav", song, 16_000)

    np.testing.assert_allclose(resample(song, 16_000, RATE_HZ), read_audio(path, RATE_HZ), atol=1e-4)


@pytest.mark.parametrize(
    ("start", "expected"),
    [(1, [2, 3, 4]), (-2, [0, 0, 1]), (3, [4, 5, 0]), (-9, [0, 0, 0]), (9, [0, 0, 0])],
)
def test_excerpt_is_silent_outside_the_wave(start, expected):
    for kind in (np.float32, np.int16):
        piece = excerpt(np.arange(1, 6, dtype=kind), start, 3)

        assert (piece.tolist(), piece.dtype) == (expected, kind)
