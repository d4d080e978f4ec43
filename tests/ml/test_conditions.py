"""A condition records what it is named after."""

from dataclasses import replace

import numpy as np
import pytest

from songradar.ml.audio import resample
from songradar.ml.conditions import CONDITIONS, PRE_ROLL_S, Condition, Surroundings, Warp, usable
from songradar.ml.noise import pink_noise, rms
from tests import synth

RATE_HZ = 16_000
PRE_ROLL = round(PRE_ROLL_S * RATE_HZ)


@pytest.fixture
def played(rng):
    """The second before, and two seconds: quiet enough that no mixture has to be scaled down."""
    return 0.2 * synth.melody(rng, 2 + PRE_ROLL_S, RATE_HZ)


@pytest.fixture
def surroundings(rng):
    def response(n):
        return (rng.standard_normal(n) * np.exp(-5 * np.arange(n) / n)).astype(np.float32)

    noise, speech = pink_noise(4 * RATE_HZ, rng), synth.speech(rng, 4.0)
    return Surroundings(noises=[noise], rooms=[response(8000)], devices=[response(200)], talk=[speech])


def recorded(condition, played, surroundings, seed=0):
    return condition.record(played, 2 * RATE_HZ, RATE_HZ, surroundings, np.random.default_rng(seed))


def named(name):
    [condition] = (condition for condition in CONDITIONS if condition.name == name)
    return condition


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_recording_is_as_long_as_what_is_played_after_the_moment_before(condition, played, surroundings):
    heard = recorded(condition, played, surroundings)

    assert heard.dtype == np.float32
    assert heard.shape == (2 * RATE_HZ,)
    assert np.isfinite(heard).all()


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_recording_depends_on_the_seed_only(condition, played, surroundings):
    one, again, other = (recorded(condition, played, surroundings, seed) for seed in (1, 1, 2))

    np.testing.assert_array_equal(one, again)
    assert np.array_equal(one, other) == (condition.snr_db is None)


@pytest.mark.parametrize("snr_db", [10, 5, 0, -5])
def test_noise_has_the_ratio_in_the_name(snr_db, played, surroundings):
    clean = played[PRE_ROLL:]

    heard = recorded(named(f"noise {snr_db} dB"), played, surroundings)

    assert 20 * np.log10(rms(clean) / rms(heard - clean)) == pytest.approx(snr_db, abs=0.05)


def test_clean_recording_is_what_is_played(played, surroundings):
    np.testing.assert_array_equal(recorded(named("clean"), played, surroundings), played[PRE_ROLL:])


def test_moment_before_is_heard_as_reverberation(played, surroundings):
    played[PRE_ROLL:] *= 1e-3

    heard = recorded(Condition("room", room=True), played, surroundings)

    assert rms(heard[:800]) > 100 * rms(heard[-800:])


def test_phone_carries_its_band(surroundings, rng):
    white = 0.1 * rng.standard_normal(3 * RATE_HZ).astype(np.float32)

    heard = recorded(Condition("phone", phone=True), white, Surroundings())

    power = np.abs(np.fft.rfft(heard)) ** 2
    below, inside, above = (np.mean(power[2 * low : 2 * high]) for low, high in ((20, 120), (500, 3000), (4500, 7500)))
    assert inside > 100 * below
    assert inside > 100 * above


def test_phone_carries_the_noise_through_the_same_band_as_the_music(played, surroundings):
    quiet = recorded(Condition("phone", snr_db=40, phone=True), played, surroundings)
    loud = recorded(Condition("phone", snr_db=-20, phone=True), played, surroundings)

    for heard in (quiet, loud):
        power = np.abs(np.fft.rfft(heard)) ** 2
        assert np.mean(power[600:6000]) > 10 * np.mean(power[40:240])


def test_conditions_in_rooms_need_rooms_and_talk_needs_somebody_who_talks(surroundings):
    assert usable(CONDITIONS, surroundings) == list(CONDITIONS)
    without_rooms = usable(CONDITIONS, replace(surroundings, rooms=()))
    without_talk = usable(CONDITIONS, replace(surroundings, talk=()))

    assert [condition.name for condition in CONDITIONS if condition not in without_rooms] == [
        "room + noise 5 dB",
        "loudspeaker, room, noise 5 dB, microphone",
    ]
    assert [condition.name for condition in CONDITIONS if condition not in without_talk] == [
        "talk 5 dB",
        "talk 0 dB",
        "half of it talk",
    ]


@pytest.mark.parametrize("snr_db", [5, 0])
def test_talk_over_music_is_talk_at_the_ratio_in_the_name(snr_db, played, surroundings, rng):
    speech = synth.speech(rng, 4.0, RATE_HZ)
    heard = recorded(named(f"talk {snr_db} dB"), played, replace(surroundings, talk=[speech]))
    clean = played[PRE_ROLL:]

    assert 20 * np.log10(rms(clean) / rms(heard - clean)) == pytest.approx(snr_db, abs=0.1)
    assert (
        np.max(np.correlate(speech, (heard - clean)[:RATE_HZ])) > 0.9 * rms(heard - clean) * RATE_HZ * rms(speech) / 2
    )


def test_phone_needs_nothing_around(played):
    assert len(recorded(named("phone chain"), played, Surroundings())) == 2 * RATE_HZ


def test_silence_can_be_recorded(surroundings):
    silence = np.zeros(2 * RATE_HZ, np.float32)

    for condition in CONDITIONS:
        assert len(recorded(condition, silence, surroundings)) == RATE_HZ


@pytest.mark.parametrize(
    ("name", "paces"),
    [
        ("clean", {1.0}),
        ("speed 2 %", {0.98, 1.02}),
        ("tempo 4 %", {0.96, 1.04}),
        ("pitch 0.5 semitones", {1.0}),
    ],
)
def test_warps_go_up_and_down(name, paces, rng):
    warps = [named(name).draw_warp(rng) for _ in range(30)]

    assert {round(warp.pace, 6) for warp in warps} == paces
    assert len({warp.amount for warp in warps}) == (1 if name == "clean" else 2)


@pytest.mark.parametrize(
    "warp",
    [Warp(), Warp("speed", 1.03), Warp("speed", 0.97), Warp("tempo", 1.05), Warp("tempo", 0.95), Warp("pitch", 0.5)],
)
def test_pace_is_the_songs_seconds_in_one_of_the_recordings(warp, played):
    assert len(warp.apply(played, RATE_HZ)) * warp.pace == pytest.approx(len(played), rel=0.005)


def test_speed_is_a_change_of_the_sampling_rate(played):
    expected = resample(played, 16_480, RATE_HZ)

    heard = Warp("speed", 1.03).apply(played, RATE_HZ)

    assert np.corrcoef(heard[:40_000], expected[:40_000])[0, 1] > 0.9999
