"""songradar evaluate, with real audio through real PostgreSQL."""

import json
import re
from importlib.resources import files

import pytest

from songradar.ml.package import SHIPPED
from tests import synth

GUARD = {"clean": 1.0, "noise 10 dB": 0.9, "noise 5 dB": 0.85, "phone chain": 0.8, "tempo 4 %": 0.85}
"""What the shipped encoder must reach on 3 s of the seven demo songs, 14 queries a condition."""


@pytest.fixture
def folder(music):
    return music["Amber"].parent


def cells(out):
    evaluation = json.loads((out / "evaluation.json").read_text())
    return {name: {(c["condition"], c["seconds"]): c for c in e["cells"]} for name, e in evaluation["encoders"].items()}


def test_clean_pieces_of_each_song_name_it_and_the_table_says_so(database, run, folder, toy_folder, tmp_path):
    out = tmp_path / "out"
    options = ["--encoder", toy_folder, "--seconds", "2,4", "--per-condition", 3, "--absent", 0, "--out", out]
    lines = [re.split("  +", line) for line in run("evaluate", "--music", folder, *options).stdout.splitlines()]
    found = cells(out)[toy_folder.name]

    assert lines[1] == [f"{toy_folder.name}: 3 songs in the catalogue, 0 absent"]
    assert lines[2] == ["named rightly, 95 % interval", "2 s", "4 s"]
    assert ["clean", "100 % (44-100)", "100 % (44-100)"] in lines
    accepted = lines[lines.index(["named rightly and accepted", "2 s", "4 s"]) + 1 :]
    assert [row[0] for row in accepted][:2] == ["clean, from the start", "clean"]
    assert (found["clean", 4.0]["n_queries"], found["clean", 4.0]["n_right"]) == (3, 3)
    assert {path.name for path in out.iterdir()} == {"evaluation.json", "roc.png", "reliability.png"}


def test_songs_that_are_absent_are_asked_for_all_the_same(database, run, folder, toy_folder, tmp_path):
    options = ["--encoder", toy_folder, "--seconds", 3, "--per-condition", 2, "--absent", 0.34, "--out", tmp_path]
    result = run("evaluate", "--music", folder, *options)
    (summary,) = json.loads((tmp_path / "evaluation.json").read_text())["encoders"][toy_folder.name]["lengths"]
    n_conditions = len({condition for condition, _ in cells(tmp_path)[toy_folder.name]})
    counts = {kind: n for kind, (_, n) in summary["false_accepts"].items()}

    assert "2 songs in the catalogue, 1 absent" in result.stdout
    assert counts == {
        "absent song": 2 * n_conditions,
        "its own song taken out": 2 * n_conditions,
        "noise alone": 2,
    }


def test_recordings_are_searched_for_among_few_songs_too_and_beside_another_file_of_theirs(
    database, run, folder, toy_folder, tmp_path
):
    options = ["--encoder", toy_folder, "--seconds", 3, "--per-condition", 4, "--absent", 0, "--out", tmp_path]
    lines = run("evaluate", "--music", folder, *options).stdout.splitlines()
    found = json.loads((tmp_path / "evaluation.json").read_text())["encoders"][toy_folder.name]["catalogues"]
    one, pair, ten, twins, whole = found

    assert [kind["among"] for kind in found] == [
        "one song",
        "one song and another file of it",
        "ten songs",
        "all songs and another file of its own",
        "all songs",
    ]
    assert one["n_queries"] == pair["n_queries"] == ten["n_queries"] == twins["n_queries"] > 5
    assert one["n_absent"] > 5
    assert pair["n_absent"] > 5
    assert twins["n_absent"] == twins["n_queries"]
    assert whole["n_queries"] > 3 * twins["n_queries"]
    assert any(line.startswith("one song  ") for line in lines)


def test_every_fourth_recording_is_searched_for_again_beside_the_filler(
    database, run, folder, toy_folder, tmp_path, rng
):
    (tmp_path / "others").mkdir()
    for name in ("one", "other"):
        synth.write_wav(tmp_path / "others" / f"{name}.wav", synth.melody(rng, 20.0))
    options = ["--encoder", toy_folder, "--seconds", 2, "--per-condition", 2, "--absent", 0, "--filler", 30]
    options += ["--distractors", tmp_path / "others", "--out", tmp_path]
    result = run("evaluate", "--music", folder, *options)
    found = json.loads((tmp_path / "evaluation.json").read_text())["encoders"][toy_folder.name]["catalogues"]
    filled, twins = found[-1], found[-3]

    assert "3 songs in the catalogue beside 2 others, 0 absent" in result.stdout, result.stderr
    assert filled["among"] == "all songs and the filler"
    assert filled["n_queries"] == twins["n_queries"] > 5
    assert filled["n_absent"] >= twins["n_absent"] > 0


def test_distractors_are_in_the_catalogue_and_never_asked_for(database, run, folder, toy_folder, tmp_path, rng):
    (tmp_path / "others").mkdir()
    synth.write_wav(tmp_path / "others" / "other.wav", synth.melody(rng, 20.0))
    options = ["--encoder", toy_folder, "--seconds", 2, "--per-condition", 1, "--absent", 0]
    result = run("evaluate", "--music", folder, "--distractors", tmp_path / "others", *options)

    assert "3 songs in the catalogue beside 1 others, 0 absent" in result.stdout


def test_copies_of_songs_are_neither_distractors_nor_asked_for_twice(database, run, folder, toy_folder, tmp_path):
    """A copy of an absent song would be found, and count as falsely named."""
    (tmp_path / "others").mkdir()
    for path in folder.iterdir():
        for copy in (tmp_path / "others" / path.name, folder / f"again {path.name}"):
            copy.write_bytes(path.read_bytes())
    options = ["--encoder", toy_folder, "--seconds", 2, "--per-condition", 1, "--absent", 0.34]
    result = run("evaluate", "--music", folder, "--distractors", tmp_path / "others", *options)

    assert "2 songs in the catalogue, 1 absent" in result.stdout


def test_two_encoders_of_one_name_are_refused(run, folder, toy_folder):
    result = run("evaluate", "--music", folder, "--encoder", toy_folder, "--encoder", toy_folder)

    assert (result.exit_code, "two encoders of one name" in result.stderr) == (2, True)


def test_rooms_devices_and_noises_are_taken_from_folders(database, run, folder, toy_folder, tmp_path, rng):
    """Rooms are asked for where there is a response of one; devices and noises disturb what is not clean only."""
    (tmp_path / "around").mkdir()
    (tmp_path / "noise").mkdir()
    synth.write_wav(tmp_path / "around" / "room.wav", 0.01 * rng.standard_normal(40_000))
    synth.write_wav(tmp_path / "around" / "device.wav", synth.np.eye(1, 100)[0])
    synth.write_wav(tmp_path / "noise" / "hiss.wav", 0.1 * rng.standard_normal(60_000))
    options = ["--encoder", toy_folder, "--seconds", 3, "--per-condition", 4, "--absent", 0, "--out", tmp_path / "out"]
    run("evaluate", "--music", folder, "--noise", tmp_path / "noise", "--ir", tmp_path / "around", *options)
    found = cells(tmp_path / "out")[toy_folder.name]

    assert found["room + noise 5 dB", 3.0]["n_queries"] == 4
    assert found["clean", 3.0]["n_right"] == 4


def test_same_seed_gives_the_same_answers(database, run, folder, toy_folder):
    command = ["evaluate", "--music", folder, "--encoder", toy_folder, "--seed", 3, "--seconds", 2]
    first, second = (run(*command, "--per-condition", 1).stdout.splitlines() for _ in range(2))

    assert [line for line in first if " ms" not in line] == [line for line in second if " ms" not in line]


def test_too_short_for_an_encoder_is_shown_as_a_dash(database, run, folder):
    options = ["--encoder", "siamese", "--seconds", 5, "--per-condition", 1]
    lines = run("evaluate", "--music", folder, *options).stdout.splitlines()

    assert {line.split()[-1] for line in lines if line.startswith("clean ")} == {"-"}


def test_only_takes_files_by_name(database, run, folder, toy_folder, tmp_path):
    listed = tmp_path / "held_out.txt"
    listed.write_text("\n".join(sorted(path.name for path in folder.iterdir())[:2]))
    options = ["--encoder", toy_folder, "--seconds", 2, "--per-condition", 1, "--only", listed, "--absent", 0]

    assert "2 songs in the catalogue" in run("evaluate", "--music", folder, *options).stdout


def test_evaluation_leaves_the_catalogue_alone(database, run, folder):
    run("evaluate", "--music", folder, "--encoder", "toy", "--seconds", 2, "--per-condition", 1)

    assert run("songs", "list", "--json").stdout == ""


@pytest.mark.parametrize("seconds", ["", "2,x", "0", "-1", "1000"])
def test_lengths_that_are_none_are_refused(run, folder, seconds):
    result = run("evaluate", "--music", folder, "--seconds", seconds)

    assert (result.exit_code, "no list of seconds" in result.stderr) == (2, True)


def test_shipped_encoder_names_the_demo_songs(database, run, tmp_path):
    """A guard of the shipped weights, with real clips; pink noise stands for noise, 2 of 14 may fail by chance."""
    demo = str(files("songradar.cli").joinpath("songs_of_the_demo"))
    run("evaluate", "--music", demo, "--seconds", 3, "--per-condition", 14, "--absent", 0, "--out", tmp_path)
    found = cells(tmp_path)[SHIPPED]
    reached = {name: found[name, 3.0]["n_right"] / found[name, 3.0]["n_queries"] for name in GUARD}

    assert {name: rate for name, rate in reached.items() if rate < GUARD[name]} == {}
