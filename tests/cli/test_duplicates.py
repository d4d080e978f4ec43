"""songradar songs duplicates, and what ingest says of twins, with real files through real PostgreSQL."""

import json

import numpy as np
import pytest

from songradar.ml.augmentation import change_speed
from tests import synth

RATE = synth.RATE_HZ


@pytest.fixture
def songs(rng):
    """Three songs of forty seconds: to the toy encoder, two melodies would be alike for some seconds."""
    return {"Alder": synth.melody(rng, 40.0), "Beech": synth.speech(rng, 40.0), "Cedar": low(synth.melody(rng, 20.0))}


def low(wave):
    """An octave lower and half as fast."""
    return np.interp(np.arange(2 * len(wave)) / 2, np.arange(len(wave)), wave).astype(np.float32)


@pytest.fixture
def folder(tmp_path, songs):
    """The three songs, a lower copy of Alder, a piece of Beech, and Cedar 2 % faster."""
    folder = tmp_path / "songs"
    folder.mkdir()
    made = songs | {
        "Lower": 0.3 * songs["Alder"],
        "Piece": synth.cut(songs["Beech"], 12.0, 20.0),
        "Faster": change_speed(songs["Cedar"], RATE, 1.02),
    }
    for number, (title, wave) in enumerate(made.items()):
        synth.write_wav(folder / f"{number} The Trees - {title}.wav", wave)
    return folder


@pytest.fixture
def catalogue(database, run, folder):
    run("ingest", folder, "--workers", 1)
    return database


def pairs(run, *arguments):
    result = run("songs", "duplicates", "--json", *arguments)
    return {frozenset((p["title"], p["other_title"])): p for p in map(json.loads, result.stdout.splitlines())}


def test_copies_pieces_and_faster_ones_are_told_each_once(catalogue, run):
    found = pairs(run)
    lower, piece, faster = (found[frozenset(p)] for p in (("Alder", "Lower"), ("Beech", "Piece"), ("Cedar", "Faster")))

    assert len(found) == 3
    assert all(pair["song_id"] < pair["other_song_id"] for pair in found.values())
    assert (lower["relation"], lower["speed"]) == ("same", 1.0)
    assert lower["shift_s"] == pytest.approx(0, abs=0.1)
    assert lower["overlap_s"] == pytest.approx(40, abs=2)
    assert piece["relation"] == ("contains" if piece["title"] == "Beech" else "inside")
    assert abs(piece["shift_s"]) == pytest.approx(12, abs=0.3)
    assert abs(np.log(faster["speed"])) == pytest.approx(0.02, abs=0.005)


def test_people_read_a_table(catalogue, run):
    result = run("songs", "duplicates")
    header, *lines = result.stdout.splitlines()

    assert result.exit_code == 0
    assert header.split()[:4] == ["song", "title", "other", "title"]
    assert len(lines) == 3
    assert any("the same" in line and "0:40" in line for line in lines)
    assert result.stderr == "3 pairs\n"


def test_choice_of_songs_and_least_overlap_count(catalogue, run):
    assert set(pairs(run, "--min-overlap", 30)) == {frozenset(("Alder", "Lower")), frozenset(("Cedar", "Faster"))}
    assert len(pairs(run, "--artist", "the trees")) == 3
    assert run("songs", "duplicates", "--min-overlap", 100).exit_code == 1


def test_what_cannot_be_compared_is_said(database, run, folder):
    empty = run("songs", "duplicates")
    run("ingest", folder)
    unknown = run("songs", "duplicates", "--artist", "Nobody")
    run("encoders", "add", "siamese")
    apart = run("songs", "duplicates", "--encoder", "siamese")

    assert (empty.exit_code, unknown.exit_code, apart.exit_code) == (2, 2, 2)
    assert "no songs yet" in empty.stderr
    assert "no song by Nobody" in unknown.stderr
    assert "siamese cannot tell the same recording from a similar one" in apart.stderr


def test_ingest_takes_twins_and_says_so(database, run, folder):
    result = run("ingest", folder, "--workers", 1, "--json")
    *files, summary = map(json.loads, result.stdout.splitlines())
    told = {twin["title"] for file in files for twin in file.get("twins", [])}

    assert summary["summary"]["added"] == 6
    assert len([file for file in files if "twins" in file]) == 3
    assert told <= {"Alder", "Beech", "Cedar", "Lower", "Piece", "Faster"}
    assert result.stderr.count("of the recording in common with song") == 3


def test_skip_duplicates_leaves_out_what_is_there_whole(database, run, tmp_path, folder, songs):
    run("ingest", *(path for path in folder.iterdir() if "Lower" not in path.name and "Piece" not in path.name))
    longer = synth.write_wav(tmp_path / "Longer.wav", np.concatenate([songs["Beech"], songs["Alder"]]))
    result = run("ingest", folder, longer, "--skip-duplicates", "--json")
    outcomes = {
        record["source"].rpartition("/")[2]: record for record in map(json.loads, result.stdout.splitlines()[:-1])
    }

    assert outcomes["3 The Trees - Lower.wav"]["outcome"] == "duplicate"
    assert outcomes["4 The Trees - Piece.wav"]["outcome"] == "duplicate"
    assert outcomes["Longer.wav"]["outcome"] == "added"
    assert "left out; it has 0:" in result.stderr
    assert result.exit_code == 0


def test_file_that_changed_in_place_is_no_twin_of_what_it_was(database, run, tmp_path, songs):
    path = synth.write_wav(tmp_path / "song.wav", songs["Alder"])
    run("ingest", path)
    synth.write_wav(path, 0.5 * songs["Alder"])
    result = run("ingest", path, "--skip-duplicates", "--json")

    assert json.loads(result.stdout.splitlines()[0])["outcome"] == "replaced"
    assert result.stderr == ""
