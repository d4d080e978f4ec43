"""The simple way to name a long recording."""

from dataclasses import replace

import pytest

from songradar.catalogue import Catalogue
from songradar.db.search import Match
from songradar.naive_scan import joined, naive_scan
from tests import synth

MATCH = Match(1, 7, "Amber", "The Trees", "/amber.wav", 0.0, 1.0, 0.8, 0.5, 0.5, 30, 0.9, True, False)


def windows_of(song_id, *offsets_s):
    return [replace(MATCH, song_id=song_id, offset_s=offset_s) for offset_s in offsets_s]


def test_windows_in_a_row_that_name_one_song_are_one_playing():
    amber, nothing, birch = joined([*windows_of(7, 20.0, 25.0), None, *windows_of(8, 0.0)])

    assert (amber.song_id, amber.start_s, amber.end_s) == (7, 0.0, 12.5)
    assert (amber.song_start_s, amber.song_end_s) == (20.0, 32.5)
    assert (nothing.song_id, nothing.start_s, nothing.end_s) == (None, 12.5, 17.5)
    assert (birch.song_id, birch.start_s, birch.end_s, birch.song_start_s) == (8, 17.5, 22.5, 2.5)
    assert (amber.confidence, amber.coverage, amber.n_fragments) == pytest.approx((0.9, 0.8, 60))


def test_nothing_heard_is_no_playing():
    assert list(joined([])) == []


def test_songs_of_a_recording_are_named_in_order(database, run, tmp_path, rng):
    songs = [synth.melody(rng, 40.0) for _ in range(2)]
    paths = [synth.write_wav(tmp_path / f"{name}.wav", song) for name, song in zip("ab", songs, strict=True)]
    mix = synth.np.concatenate([synth.cut(songs[0], 0.0, 30.0), synth.cut(songs[1], 5.0, 30.0)])
    recording = synth.write_wav(tmp_path / "mix.wav", mix)
    run("ingest", *paths)
    with Catalogue.open() as catalogue:
        playings = [one for one in naive_scan(catalogue, recording, catalogue.encoder()) if one.song_id is not None]

    assert [one.title for one in playings] == ["a", "b"]
    assert playings[0].end_s == pytest.approx(30.0, abs=5.0)
    assert playings[1].song_start_s - playings[1].start_s == pytest.approx(-25.0, abs=0.5)
