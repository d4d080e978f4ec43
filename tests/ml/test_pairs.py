"""Pairs are what their labels say."""

import numpy as np
import pytest

from songradar.ml.errors import TrainingDataError

pytestmark = pytest.mark.train

SONGS = [np.arange(0, 5), np.arange(5, 25), np.arange(25, 26), np.arange(26, 28)]  # the third has a single fragment


def song_of(fragments):
    return np.searchsorted([5, 25, 26], fragments, side="right")


@pytest.fixture
def draw_pairs():
    from songradar.ml.training.siamese import pairs

    return pairs.draw_pairs


def test_labels_are_never_wrong(draw_pairs, rng):
    for _ in range(200):
        pairs, labels = draw_pairs(SONGS, 16, rng)

        first, second = song_of(pairs).T
        assert ((first == second) == labels).all()


def test_half_of_the_pairs_are_of_the_same_song(draw_pairs, rng):
    pairs, labels = draw_pairs(SONGS, 32, rng)

    assert pairs.shape == (32, 2)
    assert labels.tolist() == [1] * 16 + [0] * 16


def test_pair_is_of_two_different_fragments(draw_pairs, rng):
    pairs, _ = draw_pairs(SONGS, 5000, rng)

    assert (pairs[:, 0] != pairs[:, 1]).all()


def test_song_with_one_fragment_comes_in_different_pairs_only(draw_pairs, rng):
    pairs, labels = draw_pairs(SONGS, 2000, rng)

    has_single = (pairs == 25).any(axis=1)
    assert not has_single[labels == 1].any()
    assert np.mean(has_single[labels == 0]) == pytest.approx(1 / 2, abs=0.06)  # two of four songs in a pair


def test_long_songs_come_as_often_as_short_ones(draw_pairs, rng):
    pairs, labels = draw_pairs(SONGS, 6000, rng)

    shares = np.bincount(song_of(pairs[labels == 1, 0]), minlength=4) / 3000
    assert shares.tolist() == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3], abs=0.04)


def test_songs_without_fragments_are_left_out(draw_pairs, rng):
    pairs, _ = draw_pairs([np.arange(0), *SONGS], 100, rng)

    assert pairs.min() >= 0


def test_pairs_depend_on_the_seed_only(draw_pairs):
    first, again, other = (draw_pairs(SONGS, 32, np.random.default_rng(seed))[0] for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("songs", [[], [range(5)], [range(1), range(1, 2)], [range(5), range(0)]])
def test_songs_that_make_no_pairs_are_refused(songs, draw_pairs, rng):
    with pytest.raises(TrainingDataError, match="two songs, one of them with two fragments"):
        draw_pairs([np.array(song, int) for song in songs], 4, rng)


def test_batches_hold_the_images_of_their_pairs():
    from songradar.ml.training.siamese.pairs import Pairs

    images = np.arange(28, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 3), np.uint8)
    batches = Pairs(images, SONGS, n=8, steps=3, seed=[0])

    (a, b), labels = batches[2]

    first, second = (np.round(255 * x[:, 0, 0, 0]).astype(int) for x in (a, b))
    assert len(batches) == 3
    assert a.shape == b.shape == (8, 2, 3, 1)
    assert (a.dtype, labels.dtype, labels.shape) == (np.float32, np.float32, (8, 1))
    assert ((song_of(first) == song_of(second)) == labels[:, 0]).all()


def test_batches_differ_by_step_and_by_seed_and_not_by_call():
    from songradar.ml.training.siamese.pairs import Pairs

    images = np.arange(28, dtype=np.uint8)[:, None, None]
    batches, others = (Pairs(images, SONGS, n=8, steps=3, seed=[seed, 2, 0]) for seed in (0, 1))

    def first_of(batch):
        return batch[0][0].tolist()

    assert first_of(batches[0]) == first_of(batches[0])
    assert first_of(batches[0]) != first_of(batches[1])
    assert first_of(batches[0]) != first_of(others[0])
