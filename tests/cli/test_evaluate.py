"""The article's demonstration, as a command."""

import json
import re
from importlib.resources import files


def test_first_seconds_of_each_song_name_it_and_the_table_says_so(database, run, music, toy_folder, tmp_path):
    result = run("evaluate", "--music", music["Amber"].parent, "--encoder", toy_folder, "--out", tmp_path / "out")
    lines = [re.split("  +", line) for line in result.stdout.splitlines()]
    conditions = json.loads((tmp_path / "out" / "evaluation.json").read_text())["conditions"]

    assert lines[0][0] == "query"
    assert [line[0] for line in lines[1:]] == [condition["condition"] for condition in conditions]
    assert (conditions[0]["n_queries"], conditions[0]["n_right"]) == (3, 3)
    assert len(conditions) == 4


def test_same_seed_gives_the_same_numbers(database, run, music, toy_folder):
    command = ["evaluate", "--music", music["Amber"].parent, "--encoder", toy_folder, "--seed", 3]

    assert run(*command).stdout == run(*command).stdout


def test_evaluation_leaves_the_catalogue_alone(database, run, music):
    run("evaluate", "--music", music["Amber"].parent, "--encoder", "toy")

    assert run("songs", "list", "--json").stdout == ""


def test_shipped_encoder_names_the_beginnings_of_the_demo_songs(database, run):
    """A guard of the shipped weights: all seven, aligned and clean."""
    result = run("evaluate", "--music", str(files("cli").joinpath("songs_of_the_demo")))
    aligned = re.split("  +", result.stdout.splitlines()[1])

    assert aligned == ["aligned: its beginning", "7", "100 %", "65 % to 100 %", "7", "0"]
