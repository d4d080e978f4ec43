"""Mixes: what is planned is what sounds."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from songradar.ml.audio import excerpt, read_audio, write_wav_blocks
from songradar.ml.conditions import Surroundings
from songradar.ml.mixes import BAR, RADIO, Kind, Mix, Part, Piece, Recipe, audible_part, plan
from songradar.ml.mixing import LEVEL, sound
from songradar.ml.noise import rms
from songradar.ml.queries import RATE_HZ, SourceSong
from tests import synth

QUIET = Recipe("quiet", minutes=3.0)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Five songs of 40 s, the last of which the catalogue does not hold."""
    folder, rng = tmp_path_factory.mktemp("songs"), np.random.default_rng(7)
    paths = [
        synth.write_wav(folder / f"{number}.wav", synth.melody(rng, 40.0, RATE_HZ), RATE_HZ) for number in range(5)
    ]
    return [SourceSong(path, str(path), 40.0, path.stem == "4") for path in paths]


@pytest.fixture(scope="module")
def parts(songs, tmp_path_factory):
    path = tmp_path_factory.mktemp("jingles") / "jingle.wav"
    synth.write_wav(path, synth.melody(np.random.default_rng(8), 5.0, RATE_HZ), RATE_HZ)
    jingle = Part(SourceSong(path, str(path), 5.0), 0.0, 5.0, Kind.JINGLE)
    return [*(Part(song, 0.0, song.duration_s) for song in songs), jingle]


@pytest.fixture(scope="module")
def around():
    rng = np.random.default_rng(9)
    hiss = (0.1 * rng.standard_normal(5 * RATE_HZ)).astype(np.float32)
    return Surroundings(noises=[hiss], talk=[synth.speech(rng, 8.0, RATE_HZ)])


def heard(mix, surroundings=None):
    return np.concatenate(list(sound(mix, surroundings or Surroundings())))


def likeness(one, other):
    """Correlation of two waves."""
    return float(np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))


def test_mix_lasts_as_long_as_planned(parts):
    mix = plan(replace(QUIET, changed=0.5, speeds=(0.94, 1.06)), parts, [1])

    assert mix.duration_s >= 180
    assert len(heard(mix)) == pytest.approx(mix.duration_s * RATE_HZ, abs=2)


def test_songs_sound_where_the_truth_says(parts):
    """Sample for sample: in its middle, each song is heard at the place in it that the truth gives."""
    mix = plan(QUIET, parts, [2])
    wave = heard(mix)
    truths = [truth for truth in mix.truths if truth.kind == Kind.SONG]

    assert len(truths) > 4
    for truth in truths:
        middle_s = (truth.start_s + truth.end_s) / 2
        song = read_audio(truth.path, RATE_HZ)
        there = truth.song_start_s + (middle_s - truth.start_s) * truth.speed
        piece = excerpt(wave, round(middle_s * RATE_HZ), RATE_HZ)
        assert likeness(piece, excerpt(song, round(there * RATE_HZ), RATE_HZ)) > 0.7


def test_faster_song_is_heard_faster(songs):
    song = songs[0]
    mix = Mix(QUIET, (Piece(Kind.SONG, 30 / 1.05, 0.0, song, 5.0, 1.05),), (0,))
    [truth] = mix.truths
    slower = np.interp(np.arange(30 * RATE_HZ) / 1.05, np.arange(len(heard(mix))), heard(mix))

    assert (truth.song_start_s, truth.song_end_s) == pytest.approx((5.0, 35.0))
    played = excerpt(read_audio(song.path, RATE_HZ), 5 * RATE_HZ, 30 * RATE_HZ)
    assert likeness(slower[: 29 * RATE_HZ], played[: 29 * RATE_HZ]) > 0.9


def test_fade_keeps_the_level_and_demands_songs_from_half_up(songs):
    pieces = (Piece(Kind.SONG, 30.0, 0.0, songs[0]), Piece(Kind.SONG, 30.0, 9.0, songs[1]))
    mix = Mix(QUIET, pieces, (0,))
    first, second = mix.truths
    wave = heard(mix)

    assert mix.duration_s == 51.0
    assert (first.end_s, first.last_s) == pytest.approx((27.0, 30.0))
    assert (second.first_s, second.start_s) == pytest.approx((21.0, 24.0))
    assert (second.song_start_s, second.song_end_s) == pytest.approx((3.0, 30.0))
    assert rms(wave[21 * RATE_HZ : 30 * RATE_HZ]) == pytest.approx(LEVEL, rel=0.15)


def test_same_seed_gives_the_same_sound(parts, around):
    first, again, other = (plan(replace(BAR, minutes=1.0), parts, seed) for seed in ([3], [3], [4]))

    assert first == again != other
    assert np.array_equal(heard(first, around), heard(again, around))


def test_absent_songs_jingles_talk_and_silence_come_in_between(parts):
    mix = plan(replace(RADIO, minutes=40.0), parts, [5])
    kinds = {piece.kind for piece in mix.pieces}
    sources = [truth.source for truth in mix.truths if truth.kind == Kind.SONG]

    assert kinds == set(Kind)
    assert 0.05 < sources.count(None) / len(sources) < 0.4
    assert {truth.source for truth in mix.truths if truth.kind == Kind.JINGLE} == {parts[-1].song.source}


def test_a_third_of_radio_is_faster_or_slower(parts):
    speeds = [truth.speed for truth in plan(replace(RADIO, minutes=60.0), parts, [6]).truths if truth.kind == Kind.SONG]

    assert set(speeds) == {0.96, 1.0, 1.04}
    assert 0.2 < sum(speed != 1 for speed in speeds) / len(speeds) < 0.5


def test_every_song_is_played_before_one_comes_again(parts):
    known = [truth.source for truth in plan(replace(QUIET, minutes=20.0), parts, [7]).truths if truth.kind == Kind.SONG]
    known = [source for source in known if source is not None]

    assert all(len(set(known[i : i + 4])) == 4 for i in range(0, len(known) - 4, 4))


def test_noise_is_as_loud_as_the_recipe_says_also_in_silence(songs, around):
    mix = Mix(
        replace(QUIET, noise_snr_db=15.0), (Piece(Kind.SONG, 30.0, 0.0, songs[0]), Piece(Kind.SILENCE, 5.0)), (0,)
    )
    silence = heard(mix, around)[-4 * RATE_HZ :]

    assert 20 * np.log10(LEVEL / rms(silence)) == pytest.approx(15.0, abs=0.5)


def test_people_talk_over_half_of_a_bar(songs, around):
    mix = Mix(replace(QUIET, talk_over=0.5), (Piece(Kind.SILENCE, 600.0),), (0,))
    wave = heard(mix, around)
    talking = np.abs(wave.reshape(-1, RATE_HZ)).max(axis=1) > 1e-3

    assert np.mean(talking) == pytest.approx(0.5, abs=0.15)


def test_codec_and_room_keep_the_time(songs, around):
    """Blocks are joined without a gap, and nothing is late by more than 10 ms, which is as far as it is looked."""
    room = np.zeros(2000, np.float32)
    room[[0, 900, 1500]] = 0.9, 0.3, 0.2
    pieces = (Piece(Kind.SONG, 40.0, 0.0, songs[0]), Piece(Kind.SONG, 40.0, 0.0, songs[1]))
    clean = heard(Mix(QUIET, pieces, (0,)))
    recorded = heard(Mix(replace(QUIET, room=True, codec="opus"), pieces, (0,)), replace(around, rooms=[room]))

    assert len(recorded) == len(clean)
    for start_s in (10.0, 30.0, 50.0, 75.0):
        cut = excerpt(clean, round(start_s * RATE_HZ), RATE_HZ)
        lags = range(-160, 161, 4)
        best = max(likeness(cut, excerpt(recorded, round(start_s * RATE_HZ) + lag, RATE_HZ)) for lag in lags)
        assert best > 0.6


def test_silence_before_and_after_a_song_is_not_played(tmp_path, rng):
    silence = np.zeros(3 * RATE_HZ, np.float32)
    wave = np.concatenate([silence, synth.melody(rng, 30.0, RATE_HZ), silence])
    path = synth.write_wav(tmp_path / "song.wav", wave, RATE_HZ)
    part = audible_part(SourceSong(path, str(path), 36.0))

    assert (part.from_s, part.to_s) == pytest.approx((3.0, 33.0), abs=0.2)


def test_song_that_is_too_short_is_not_played_but_may_be_a_jingle(tmp_path, rng):
    path = synth.write_wav(tmp_path / "short.wav", synth.melody(rng, 5.0, RATE_HZ), RATE_HZ)
    song = SourceSong(path, str(path), 5.0)

    assert audible_part(song) is None
    assert audible_part(song, Kind.JINGLE).to_s == pytest.approx(5.0, abs=0.2)


def test_mix_needs_a_song(parts):
    with pytest.raises(ValueError, match="no song to mix"):
        plan(RADIO, parts[-1:], [0])


def test_memory_does_not_grow_with_the_mix(parts, around):
    def peak(minutes):
        mix = plan(replace(RADIO, minutes=minutes), parts, [9])
        tracemalloc.start()
        for _ in sound(mix, around):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(8.0) < 1.5 * peak(2.0)


def test_mix_is_written_block_by_block(parts, around, tmp_path):
    mix = plan(replace(RADIO, minutes=1.0), parts, [8])
    write_wav_blocks(sound(mix, around), RATE_HZ, tmp_path / "mix.wav")

    assert np.allclose(read_audio(tmp_path / "mix.wav", RATE_HZ), heard(mix, around), atol=1e-4)
