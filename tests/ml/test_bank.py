"""Spectrograms on disk show the songs that they are of, when they say."""

import os
from dataclasses import replace

import numpy as np
import pytest

from songradar.ml.conditions import Surroundings
from songradar.ml.errors import TrainingDataError
from tests.ml.tiny import CONTRASTIVE_SPEC as SPEC

pytestmark = pytest.mark.train

NOTHING = Surroundings()
LAGS = range(-12, 13)


@pytest.fixture
def songs(sides):
    return sides[0].songs


@pytest.fixture
def degrade(songs, tmp_path):
    """`degrade(n_chunks=4, warp=True)`: chunks with nothing around and only the degradations named."""
    from songradar.ml.training.contrastive.bank import render_degraded
    from songradar.ml.training.contrastive.config import ContrastiveConfig, Recipe

    def degrade(n_chunks=4, seed=0, surroundings=NOTHING, path=tmp_path / "degraded.f16", workers=1, **recipe):
        off = Recipe(room=False, band_pass=False, offset=False, warp=False, codec=False)
        config = ContrastiveConfig(n_chunks=n_chunks, seed=seed, recipe=replace(off, **recipe))
        return render_degraded(songs, SPEC, config, surroundings, path, workers)

    return degrade


def correlation(a, b):
    """The mean over frames of what is alike in two spectrograms but for their level, (K, n_mels) each."""
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (a.astype(float), b.astype(float)))
    return np.mean(np.sum(a * b, axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) + 1e-9))


def best_lag(degraded, number, clean):
    """By how many frames the song is late where the chunk says that it shows it."""
    song = clean.frames[clean.starts[degraded.song[number]] : clean.starts[degraded.song[number] + 1]]
    at = np.round(degraded.first_frame[number] + np.arange(0, 500, 7) * degraded.pace[number]).astype(int)
    return max(LAGS, key=lambda lag: correlation(degraded.frames[number][:500:7], song[at + lag]))


@pytest.fixture
def clean(songs, tmp_path):
    from songradar.ml.training.contrastive.bank import render_clean

    return render_clean(songs, SPEC, tmp_path / "clean.f16", workers=1)


def test_clean_frames_are_those_of_each_song_at_one_level(clean, songs):
    from songradar.ml.augmentation import at_level
    from songradar.ml.training.contrastive.degradation import LEVEL
    from songradar.ml.training.spectrogram import log_mel

    assert clean.starts[-1] == len(clean.frames)
    for number in range(len(songs)):
        expected = log_mel(at_level(songs.wave(number), LEVEL), SPEC)
        frames = clean.frames[clean.starts[number] : clean.starts[number + 1]]
        np.testing.assert_allclose(frames.astype(np.float32), expected, atol=0.05)  # float16 of 100 dB


def test_recording_shorter_than_a_frame_has_none(songs, tmp_path):
    from songradar.ml.training.contrastive.bank import render_clean

    short = replace(songs, names=songs.names[:2], starts=np.array([0, 900, 20_000]))

    clean = render_clean(short, SPEC, tmp_path / "short.f16", workers=1)

    assert clean.starts.tolist() == [0, 0, 1 + (19_100 - 1024) // 250]


def test_clean_frames_are_reused_until_the_songs_change(clean, songs, tmp_path):
    from songradar.ml.training.contrastive.bank import render_clean

    os.utime(tmp_path / "clean.f16", (1, 1))
    again = render_clean(songs, SPEC, tmp_path / "clean.f16", workers=1)
    np.testing.assert_array_equal(again.frames, clean.frames)
    assert (tmp_path / "clean.f16").stat().st_mtime == 1

    render_clean(replace(songs, names=songs.names[:1], starts=songs.starts[:2]), SPEC, tmp_path / "clean.f16", 1)

    assert (tmp_path / "clean.f16").stat().st_mtime != 1


def test_chunk_with_nothing_done_to_it_is_the_song(degrade, clean):
    degraded = degrade(12)

    for number in np.flatnonzero(~degraded.recorded):
        first = clean.starts[degraded.song[number]] + degraded.first_frame[number]
        difference = degraded.frames[number].astype(float) - clean.frames[first : first + 512].astype(float)
        assert np.ptp(difference[clean.frames[first : first + 512] > -60]) < 0.5  # dB: another level, nothing else
    assert (degraded.pace == 1).all()


def test_chunks_of_another_pace_show_the_song_where_they_say(degrade, clean):
    degraded = degrade(24, warp=True)

    warped = np.flatnonzero(~degraded.recorded & (np.abs(degraded.pace - 1) > 0.01))
    assert len(warped) >= 2
    assert [abs(best_lag(degraded, number, clean)) <= 1 for number in warped] == [True] * len(warped)


def test_chunks_of_all_degradations_show_the_song_where_they_say(material):
    degraded = material.degraded

    lags = [abs(best_lag(degraded, number, material.clean)) for number in range(len(degraded.song))]

    assert np.median(lags) <= 1
    assert np.mean(np.array(lags) <= 2) > 0.7  # some are hardly to be heard


def test_some_chunks_are_recorded(material):
    assert 0.1 < material.degraded.recorded.mean() < 0.7
    assert np.isfinite(material.degraded.frames.astype(np.float32)).all()


def test_chunks_lie_within_their_songs(material, songs):
    degraded = material.degraded

    last = degraded.first_frame + 512 * degraded.pace

    n_frames = 1 + (songs.lengths[degraded.song] - SPEC.n_fft) // SPEC.hop_length
    assert (degraded.first_frame >= 32).all()  # there is a moment before
    assert (last <= n_frames).all()


def test_same_seed_draws_the_same_bytes(degrade, tmp_path, sides):
    everything = {"room": True, "band_pass": True, "warp": True, "codec": True, "surroundings": sides[0].surroundings}
    one, two = tmp_path / "one.f16", tmp_path / "two.f16"

    degrade(6, path=one, workers=1, **everything)
    degrade(6, path=two, workers=2, **everything)

    assert one.read_bytes() == two.read_bytes()


def test_chunks_are_reused_when_nothing_changed(degrade, tmp_path):
    before = degrade(2)
    os.utime(tmp_path / "degraded.f16", (1, 1))

    after = degrade(2)

    assert (tmp_path / "degraded.f16").stat().st_mtime == 1
    np.testing.assert_array_equal(after.frames, before.frames)
    np.testing.assert_array_equal(after.first_frame, before.first_frame)


def test_offset_of_anchors_does_not_change_the_chunks(degrade, tmp_path):
    degrade(2)
    os.utime(tmp_path / "degraded.f16", (1, 1))

    degrade(2, offset=True)

    assert (tmp_path / "degraded.f16").stat().st_mtime == 1


@pytest.mark.parametrize("change", [{"seed": 1}, {"n_chunks": 3}, {"warp": True}, {"codec": True}], ids=str)
def test_chunks_of_other_settings_are_drawn_again(change, degrade, tmp_path):
    before = np.array(degrade(2).frames)
    os.utime(tmp_path / "degraded.f16", (1, 1))

    after = degrade(**{"n_chunks": 2, **change})

    assert (tmp_path / "degraded.f16").stat().st_mtime != 1
    if "seed" in change:
        assert not np.array_equal(after.frames, before)


def test_chunks_in_other_surroundings_are_drawn_again(degrade, sides, tmp_path):
    before = np.array(degrade(4, room=True).frames)

    after = degrade(4, room=True, surroundings=sides[0].surroundings)

    assert not np.array_equal(after.frames, before)


def test_songs_that_are_too_short_for_a_chunk_are_refused(songs, tmp_path):
    from songradar.ml.training.contrastive.bank import render_degraded
    from songradar.ml.training.contrastive.config import ContrastiveConfig

    short = replace(songs, names=("short.wav",), starts=np.array([0, 80_000]))

    with pytest.raises(TrainingDataError):
        render_degraded(short, SPEC, ContrastiveConfig(n_chunks=2), NOTHING, tmp_path / "short.f16", workers=1)


def test_drawing_that_was_cut_short_is_repeated(degrade, tmp_path):
    whole = np.array(degrade(2).frames)
    (tmp_path / "degraded.f16.json").unlink()
    (tmp_path / "degraded.f16").write_bytes(b"half")

    np.testing.assert_array_equal(degrade(2).frames, whole)
