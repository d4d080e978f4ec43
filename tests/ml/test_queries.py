"""The queries that evaluation and calibration ask."""

from dataclasses import replace

import numpy as np
import pytest

from songradar.ml.audio import read_audio
from songradar.ml.conditions import CONDITIONS, Condition, Surroundings
from songradar.ml.noise import pink_noise, rms
from songradar.ml.queries import RATE_HZ, SourceSong, make_queries, noise_queries, plan
from tests import synth

CLEAN, ALIGNED = Condition("clean"), Condition("clean, from the start", aligned=True)
NOTHING = Surroundings()
ROOM = Surroundings(rooms=[np.array([1, 0, 0.5], np.float32)])


def first_click_s(wave):
    return float(np.argmax(np.abs(wave) > 0.1)) / RATE_HZ


@pytest.fixture
def song(tmp_path, rng):
    """Eight seconds at the rate of the queries, with some hiss, so that no two moments are alike."""
    wave = 0.5 * synth.melody(rng, 8.0, RATE_HZ) + 0.02 * rng.standard_normal(8 * RATE_HZ).astype(np.float32)
    return SourceSong(synth.write_wav(tmp_path / "song.wav", wave, RATE_HZ), "the song", 8.0)


@pytest.fixture
def songs(song, tmp_path):
    """Three songs of eight seconds, four and one; `plan` does not look into the files."""
    return [song, SourceSong(tmp_path / "b.wav", "b", 4.0), SourceSong(tmp_path / "c.wav", "c", 1.0)]


class TestPlan:
    def test_each_condition_and_length_has_its_number(self, songs):
        cuts = plan(songs, CONDITIONS, (1.0, 3.0), per_cell=4, seed=[1], others=songs)

        cells = [(cut.condition.name, cut.seconds) for cut in cuts]
        assert cells == [(c.name, s) for c in CONDITIONS for s in (1.0, 3.0) for _ in range(4)]
        assert len({cut.seed for cut in cuts}) == len(cuts)

    def test_half_of_another_song_needs_another(self, songs):
        half = Condition("half", half="another song")

        assert plan(songs, [half], [1.0], 3, [1]) == []
        assert all(cut.other not in (None, cut.song) for cut in plan(songs, [half], [1.0], 3, [1], songs))

    def test_plan_depends_on_the_seed_only(self, songs):
        first, again, other = (plan(songs, CONDITIONS, (1.0, 3.0), 4, [seed]) for seed in (1, 1, 2))

        assert first == again
        assert [cut.song for cut in first] != [cut.song for cut in other]

    @pytest.mark.parametrize(("seconds", "titles"), [(0.5, "the song b c"), (3.0, "the song b"), (5.0, "the song")])
    def test_songs_that_are_too_short_are_not_asked_for(self, seconds, titles, songs):
        cuts = plan(songs, [CLEAN], [seconds], per_cell=30, seed=[1])

        assert {cut.song.source for cut in cuts} == {song.source for song in songs if song.source in titles}

    def test_length_that_no_song_has_is_left_out(self, songs):
        assert [cut.seconds for cut in plan(songs, [CLEAN], [3.0, 60.0], per_cell=2, seed=[1])] == [3.0, 3.0]


class TestMakeQueries:
    @pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
    def test_query_has_its_length_and_its_song(self, condition, song):
        other = replace(song, source="another")
        queries = list(make_queries(plan([song], [condition], (1.0, 3.0), 2, [1], [song, other]), ROOM))

        assert [len(query.wave) for query in queries] == [RATE_HZ, RATE_HZ, 3 * RATE_HZ, 3 * RATE_HZ]
        assert {(query.condition, query.source) for query in queries} == {(condition.name, "the song")}
        assert all(np.isfinite(query.wave).all() for query in queries)

    def test_clean_query_is_the_song_at_its_offset(self, song):
        wave = read_audio(song.path, RATE_HZ)

        queries = list(make_queries(plan([song], [CLEAN], [2.0], 8, seed=[1]), NOTHING))

        assert len({query.offset_s for query in queries}) == 8
        for query in queries:
            start = round(query.offset_s * RATE_HZ)
            np.testing.assert_allclose(query.wave, wave[start : start + 2 * RATE_HZ], atol=1e-3)

    def test_aligned_query_is_the_songs_beginning(self, song):
        [query] = make_queries(plan([song], [ALIGNED], [2.0], 1, seed=[1]), NOTHING)

        assert query.offset_s == 0
        np.testing.assert_allclose(query.wave, read_audio(song.path, RATE_HZ)[: 2 * RATE_HZ], atol=1e-3)

    def test_noise_is_as_loud_as_the_condition_says(self, song):
        wave = read_audio(song.path, RATE_HZ)

        [query] = make_queries(plan([song], [Condition("noise", snr_db=5)], [2.0], 1, seed=[1]), NOTHING)

        start = round(query.offset_s * RATE_HZ)
        clean = wave[start : start + 2 * RATE_HZ]
        ratio_db = 20 * np.log10(rms(clean) / rms(query.wave - clean))
        assert ratio_db == pytest.approx(5, abs=1)  # exact over what is played, which is a little longer

    @pytest.mark.parametrize(("warp", "amount"), [("speed", 0.02), ("tempo", 0.04), ("pitch", 0.5)])
    def test_warped_query_begins_at_its_offset(self, warp, amount, tmp_path, rng):
        clicks = 1e-3 * rng.standard_normal(8 * RATE_HZ).astype(np.float32)
        clicks[np.cumsum(rng.integers(4000, 8000, 16))] = 0.9  # every quarter to half of a second
        song = SourceSong(synth.write_wav(tmp_path / "clicks.wav", clicks, RATE_HZ), "clicks", 8.0)
        condition = Condition(warp, warp=warp, amount=amount)

        for query in make_queries(plan([song], [condition], [2.0], 6, seed=[1]), NOTHING):
            heard, played = (first_click_s(w) for w in (query.wave, clicks[round(query.offset_s * RATE_HZ) :]))
            assert heard == pytest.approx(played, abs=0.02 + 0.5 * 0.04)

    def test_same_plan_gives_the_same_queries(self, song):
        cuts = plan([song], CONDITIONS, [1.0], 1, seed=[1])

        for first, again in zip(make_queries(cuts, ROOM), make_queries(cuts, ROOM), strict=True):
            assert (first.condition, first.offset_s) == (again.condition, again.offset_s)
            np.testing.assert_array_equal(first.wave, again.wave)

    def test_query_does_not_depend_on_what_else_is_asked(self, song):
        alone = list(make_queries(plan([song], [CLEAN], [1.0], 1, seed=[1]), NOTHING))
        among = list(make_queries(plan([song], [CLEAN, ALIGNED], [1.0, 2.0], 3, seed=[1]), NOTHING))

        np.testing.assert_array_equal(among[0].wave, alone[0].wave)

    def test_absent_song_has_no_source(self, song):
        absent = SourceSong(song.path, song.source, song.duration_s, is_absent=True)

        [query] = make_queries(plan([absent], [CLEAN], [1.0], 1, seed=[1]), NOTHING)

        assert query.source == ""

    def test_silent_song_gives_no_query(self, tmp_path):
        silent = SourceSong(synth.write_wav(tmp_path / "s.wav", np.zeros(8 * RATE_HZ, np.float32), RATE_HZ), "s", 8.0)

        assert list(make_queries(plan([silent], [CLEAN], [1.0], 3, seed=[1]), NOTHING)) == []

    def test_silent_moments_are_drawn_again(self, song, tmp_path):
        wave = read_audio(song.path, RATE_HZ)
        wave[3 * RATE_HZ :] = 0
        partly = SourceSong(synth.write_wav(tmp_path / "partly.wav", wave, RATE_HZ), "partly", 8.0)

        queries = list(make_queries(plan([partly], [CLEAN], [1.0], 10, seed=[1]), NOTHING))

        assert len(queries) >= 9  # ten tries each
        assert all(query.offset_s < 3 and rms(query.wave) > 1e-3 for query in queries)


class TestHalves:
    @pytest.fixture
    def other(self, tmp_path, rng):
        path = synth.write_wav(tmp_path / "other.wav", synth.melody(rng, 8.0, RATE_HZ), RATE_HZ)
        return SourceSong(path, "another", 8.0)

    @pytest.mark.parametrize("kind", ["talk", "another song"])
    def test_one_half_is_the_song_and_the_other_is_as_loud(self, kind, song, other, rng):
        around = Surroundings(talk=[synth.speech(rng, 4.0)])
        wave, sides = read_audio(song.path, RATE_HZ), []

        for query in make_queries(plan([song], [Condition(kind, half=kind)], [2.0], 12, [1], [other]), around):
            start = round(query.offset_s * RATE_HZ)
            halves = zip(np.split(wave[start : start + 2 * RATE_HZ], 2), np.split(query.wave, 2), strict=True)
            same = [bool(np.allclose(own, heard, atol=1e-3)) for own, heard in halves]
            sides.append(same.index(True))
            assert same.count(True) == 1
        assert set(sides) == {0, 1}

    def test_other_song_is_decoded_as_far_as_it_is_heard(self, song, other, monkeypatch):
        decoded = []

        def reads(path, rate_hz, n_samples=None):
            decoded.append((path, n_samples))
            return read_audio(path, rate_hz, n_samples)

        monkeypatch.setattr("songradar.ml.queries.read_audio", reads)
        cuts = plan([song], [Condition("half", half="another song")], [2.0], 6, [1], [other])
        queries = list(make_queries(cuts, NOTHING))
        lengths = [n_samples for path, n_samples in decoded if path == other.path]

        assert len(queries) == len(lengths) == 6
        assert all(RATE_HZ <= length < 8 * RATE_HZ for length in lengths)


class TestNoiseQueries:
    def test_each_length_has_its_number(self):
        queries = list(noise_queries(2, (1.0, 3.0), (), seed=[1]))

        assert [len(query.wave) / RATE_HZ for query in queries] == [1, 1, 3, 3]
        assert {(query.condition, query.source) for query in queries} == {("noise alone", "")}

    def test_noise_is_cut_from_the_recordings(self, rng):
        noise = pink_noise(4 * RATE_HZ, rng)

        [query] = noise_queries(1, [1.0], [noise], seed=[1])

        start = int(np.argmax(np.correlate(noise, query.wave)))
        np.testing.assert_array_equal(query.wave, noise[start : start + RATE_HZ])

    def test_noise_depends_on_the_seed_only(self):
        first, again, other = (list(noise_queries(2, [1.0], (), [seed])) for seed in (1, 1, 2))

        np.testing.assert_array_equal(first[1].wave, again[1].wave)
        assert not np.array_equal(first[0].wave, first[1].wave)
        assert not np.array_equal(first[0].wave, other[0].wave)
