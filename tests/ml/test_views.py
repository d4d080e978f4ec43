"""A batch holds seconds of songs, and recordings of the same seconds."""

from dataclasses import replace

import numpy as np
import pytest

from songradar.ml.errors import TrainingDataError
from tests.ml.tiny import CONTRASTIVE_SPEC as SPEC

pytestmark = pytest.mark.train

N = 16


@pytest.fixture
def views():
    from songradar.ml.training.contrastive import views

    return views


@pytest.fixture
def batches(views, material):
    """`batches(seed=[0], recipe=...)`: three batches of sixteen pairs."""
    from songradar.ml.training.contrastive.config import Recipe

    def batches(seed=(0,), recipe=None, degraded=material.degraded, neighbours=None):
        return views.Views(material.clean, degraded, material.noise, SPEC, recipe or Recipe(), N, 3, seed, neighbours)

    return batches


@pytest.mark.parametrize(("bare_noise", "n_noises"), [(True, 4), (False, 0)])
def test_batch_has_two_views_of_each_pair_and_some_noises(bare_noise, n_noises, batches):
    from songradar.ml.training.contrastive.config import Recipe

    batch, one = batches(recipe=Recipe(bare_noise=bare_noise))[0]

    assert len(batches()) == 3
    assert (batch.dtype, one.dtype) == (np.float32, np.float32)
    assert batch.shape == (2 * N + n_noises, SPEC.n_frames, SPEC.n_mels, 1)
    assert one.shape == (2 * N + n_noises, N)
    assert not one[2 * N :].any()
    assert np.isfinite(batch).all()
    assert np.abs(batch).max() <= SPEC.top_db / 20


def test_batches_differ_by_step_and_by_seed_and_not_by_call(batches):
    first, again, next_step = (batches()[step][0] for step in (0, 0, 1))
    other = batches([1])[0][0]

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, next_step)
    assert not np.array_equal(first, other)


def test_recording_is_more_like_its_own_second_than_like_others(batches):
    own, others = [], []
    for step in range(3):
        batch, one = batches()[step]
        flat = batch[: 2 * N].reshape(2 * N, -1)
        likeness = np.corrcoef(flat)[:N, N:]
        own.append(np.diag(likeness))
        others.append(likeness[one[:N] == 0])

    assert np.mean(own) > np.mean(np.concatenate(others)) + 0.1


def test_pairs_are_the_same_sound_as_themselves(batches):
    _, one = batches()[0]

    assert (np.diag(one[:N]) == 1).all()
    np.testing.assert_array_equal(one[:N], one[N : 2 * N])
    np.testing.assert_array_equal(one[:N], one[:N].T)
    assert one.mean() < 0.5


def test_half_of_the_pairs_come_in_groups_of_one_chunk(batches):
    chunk, frame = batches()._draw(np.random.default_rng(0))

    counts = np.unique(chunk, return_counts=True)[1]
    assert sorted(counts.tolist()) == [1] * 8 + [4] * 2
    assert (frame.min() >= 0, frame.max() + SPEC.n_frames <= 512) == (True, True)


def test_songs_alike_share_a_batch(batches, material):
    songs = len(material.clean.starts) - 1
    neighbours = np.tile((np.arange(songs)[:, None] + 1) % songs, (1, 2))
    by_song = replace(material.degraded, song=np.arange(24) % songs)

    chunk, _ = batches(degraded=by_song, neighbours=neighbours)._draw(np.random.default_rng(0))

    first, second = by_song.song[chunk[:8:4]]
    assert second == (first + 1) % songs


def test_noises_alone_are_those_of_the_recordings(batches, material):
    """Where a recording is all noise, it is the noise given beside it."""
    quiet = replace(material.degraded, frames=np.full_like(material.degraded.frames, -200), recorded=np.zeros(24, bool))
    batch, chunk = batches(degraded=quiet), np.arange(16)

    heard, noise = batch._recorded(chunk, np.zeros(16, int), np.random.default_rng(0))

    shapes = [x - x.mean(axis=(1, 2), keepdims=True) for x in (heard, noise)]
    matches = [(np.abs(shapes[0] - alone).max(axis=(1, 2)) < 0.01).any() for alone in shapes[1]]
    assert matches == [True] * 4


def test_noise_too_short_for_a_fragment_is_refused(views, material):
    from songradar.ml.training.contrastive.config import Recipe

    short = replace(material.noise, frames=material.noise.frames[:20], starts=np.array([0, 20]))

    with pytest.raises(TrainingDataError, match="no noise is as long as a fragment"):
        views.Views(material.clean, material.degraded, short, SPEC, Recipe(), N, 3, [0])


def test_moments_less_than_a_fragment_apart_are_one_sound(batches, rng):
    anchors = rng.standard_normal((4, SPEC.n_frames, SPEC.n_mels)).astype(np.float32)

    one = batches()._same_sound(anchors, np.array([1, 1, 1, 2]), np.array([0, 27, 60, 0]))

    np.testing.assert_array_equal(one, [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def test_sounds_that_are_as_good_as_equal_are_one(batches, rng):
    anchors = rng.standard_normal((3, SPEC.n_frames, SPEC.n_mels)).astype(np.float32)
    anchors[2] = anchors[0] + 0.1 * anchors[1]

    one = batches()._same_sound(anchors, np.array([1, 2, 3]), np.array([0, 0, 0]))

    np.testing.assert_array_equal(one, [[1, 0, 1], [0, 1, 0], [1, 0, 1]])


@pytest.mark.parametrize("offset", [False, True])
def test_anchors_lie_where_the_chunks_say(offset, batches, material, rng):
    from songradar.ml.training.contrastive.config import Recipe

    degraded = material.degraded
    chunk, frame = np.arange(24).repeat(4), rng.integers(0, 485, 96)

    _, at = batches(recipe=Recipe(offset=offset))._anchors(chunk, frame, rng)

    middle = degraded.first_frame[chunk] + (frame + SPEC.n_frames / 2) * degraded.pace[chunk]
    off = at + SPEC.n_frames / 2 - middle
    hop = SPEC.hop_s * SPEC.sample_rate_hz / SPEC.hop_length
    assert np.abs(off).max() <= (hop / 2 + 0.5 if offset else 0.5)
    assert (np.abs(off).max() > hop / 4) == offset


def test_recordings_with_nothing_left_to_add_keep_their_frames(batches, material):
    from songradar.ml.training.contrastive.config import Recipe

    chunk, frame = np.arange(24), np.full(24, 9)
    recorded = replace(material.degraded, recorded=np.ones(24, bool))

    views = batches(recipe=Recipe(band_pass=False), degraded=recorded)
    heard, noise = views._recorded(chunk, frame, np.random.default_rng(0))

    assert len(noise) == 0
    response = heard - recorded.frames[chunk, 9 : 9 + SPEC.n_frames].astype(np.float32)
    assert np.ptp(response, axis=1).max() < 0.01  # no noise: a response at most, which is the same in each frame
    assert 0.2 < np.mean(np.abs(response).max(axis=(1, 2)) > 0.1) < 0.9


class TestMixDb:
    def test_equal_powers_are_three_decibels_louder(self, views):
        level = np.full((2, 3, 4), -20, np.float32)

        np.testing.assert_allclose(views.mix_db(level, level, np.zeros(2)), -20 + 10 * np.log10(2), atol=1e-4)

    def test_ratio_counts_for_each_view(self, views):
        level = np.zeros((3, 1, 1), np.float32)

        mixed = views.mix_db(level, level, np.array([10.0, -10.0, np.inf])).ravel()

        np.testing.assert_allclose(mixed, [10 * np.log10(1.1), 10 * np.log10(11), 0], atol=1e-4)

    def test_powers_add_as_those_of_waves(self, views, rng):
        powers = rng.uniform(0.1, 1, (2, 5, 6, 7))

        mixed = views.mix_db(10 * np.log10(powers[0]), 10 * np.log10(powers[1]), np.zeros(5))

        np.testing.assert_allclose(mixed, 10 * np.log10(powers[0] + powers[1]), atol=1e-4)


class TestResponses:
    def test_mel_frequencies_are_the_peaks_of_the_bands(self, views):
        from songradar.ml.training.spectrogram import mel_basis

        peaks = np.argmax(mel_basis(SPEC), axis=1) * SPEC.sample_rate_hz / SPEC.n_fft

        np.testing.assert_allclose(views.mel_frequencies(SPEC), peaks, atol=SPEC.sample_rate_hz / SPEC.n_fft)

    def test_band_limits_take_nothing_in_the_band_and_more_the_further_outside(self, views, rng):
        frequencies = views.mel_frequencies(SPEC)

        limits = views.random_band_pass_db(frequencies, 200, rng)[:, 0]

        assert limits.shape == (200, SPEC.n_mels)
        assert not limits[:, (frequencies > 600) & (frequencies < 1800)].any()
        assert limits.max() == 0
        assert (limits[:, 0] < 0).any()
        assert (limits[:, -1] < 0).any()
        assert (np.diff(limits[:, frequencies < 600]) >= 0).all()
        assert (np.diff(limits[:, frequencies > 1800]) <= 0).all()
        assert limits.min() >= -36 * np.log2(4000 / 1800)

    def test_device_responses_are_smooth_and_small(self, views, rng):
        responses = views.random_response_db(views.mel_frequencies(SPEC), 200, rng)

        assert responses.shape == (200, 1, SPEC.n_mels)
        assert 2 < responses.std() < 5
        assert np.abs(np.diff(responses)).max() < 0.5 * np.ptp(responses)


class TestMask:
    def test_masked_cells_are_zero_and_others_untouched(self, views, rng):
        before = rng.uniform(1, 2, (200, SPEC.n_frames, SPEC.n_mels)).astype(np.float32)
        after = before.copy()

        views.mask(after, rng)

        np.testing.assert_array_equal(after[after != 0], before[after != 0])
        masked = after == 0
        assert 0.3 < masked.any(axis=(1, 2)).mean() < 0.95
        bands, times = masked.all(axis=1), masked.all(axis=2)
        np.testing.assert_array_equal(masked, bands[:, None] | times[:, :, None])

    def test_masks_are_one_piece_and_not_too_large(self, views, rng):
        ones = np.ones((200, SPEC.n_frames, SPEC.n_mels), np.float32)

        views.mask(ones, rng)

        bands, times = (ones == 0).all(axis=1), (ones == 0).all(axis=2)
        for masked, limit in ((bands, SPEC.n_mels // 6), (times, SPEC.n_frames // 3)):
            assert (np.abs(np.diff(np.pad(masked, ((0, 0), (1, 1))).astype(int))).sum(axis=1) <= 2).all()
            assert 0 < masked.sum(axis=1).max() < limit
