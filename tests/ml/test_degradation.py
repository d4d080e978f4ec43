"""The chain that training hears songs through: as long as promised, at one level, and drawn from its seed."""

import numpy as np
import pytest

from songradar.ml.conditions import PRE_ROLL_S, Surroundings
from songradar.ml.noise import pink_noise, rms
from songradar.ml.training.contrastive.config import Recipe
from songradar.ml.training.contrastive.degradation import LEVEL, draw_warp, play, record
from tests import synth

RATE_HZ = 8000
PRE_ROLL = round(PRE_ROLL_S * RATE_HZ)
NOTHING = Recipe(room=False, band_pass=False, offset=False, warp=False, codec=False)


@pytest.fixture
def song(rng):
    return 0.3 * synth.melody(rng, 3.0, RATE_HZ)


@pytest.fixture
def surroundings(rng):
    room, device = (rng.standard_normal(n) * np.exp(-5 * np.arange(n) / n) for n in (2000, 100))
    noise = pink_noise(4 * RATE_HZ, rng)
    return Surroundings([noise], [room.astype(np.float32)], [device.astype(np.float32)])


def degraded(song, recipe, surroundings, seed):
    rng = np.random.default_rng(seed)
    return record(play(song, RATE_HZ, recipe, surroundings, rng), RATE_HZ, recipe, surroundings, rng)


def test_half_of_the_recordings_are_warped_a_little_up_or_down(rng):
    warps = [draw_warp(rng) for _ in range(2000)]

    kinds = [warp.kind for warp in warps]
    assert kinds.count("none") / 2000 == pytest.approx(0.46, abs=0.04)
    for kind, centre, spread in (("speed", 1, 0.1), ("tempo", 1, 0.12), ("pitch", 0, 1.1)):
        amounts = np.array([warp.amount for warp in warps if warp.kind == kind])
        assert np.abs(amounts - centre).max() <= spread
        assert amounts.min() < centre - 0.9 * spread
        assert amounts.max() > centre + 0.9 * spread


def test_nothing_to_do_leaves_the_song(song):
    heard = play(song, RATE_HZ, NOTHING, Surroundings(), np.random.default_rng(0))

    np.testing.assert_array_equal(heard, song[PRE_ROLL:])


@pytest.mark.parametrize("seed", range(12))
def test_recording_has_its_length_and_level(seed, song, surroundings):
    heard = degraded(song, Recipe(), surroundings, seed)

    assert len(heard) == len(song) - PRE_ROLL
    assert np.isfinite(heard).all()
    assert LEVEL / 6 < rms(heard) < 1.2 * LEVEL  # a compressor, which comes last, may take 13 dB


def test_recording_depends_on_the_seed_only(song, surroundings):
    one, again, other = (degraded(song, Recipe(), surroundings, seed) for seed in (1, 1, 2))

    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_silence_can_be_recorded(surroundings):
    for seed in range(8):
        assert np.isfinite(degraded(np.zeros(3 * RATE_HZ, np.float32), Recipe(), surroundings, seed)).all()
