"""songradar evaluate scan, with short mixes through real PostgreSQL."""

import json
import re

import numpy as np
import pytest

from tests import synth


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten songs of half a minute."""
    folder, rng = tmp_path_factory.mktemp("music"), np.random.default_rng(11)
    for number in range(10):
        synth.write_wav(folder / f"{number:02} The Trees - {number}.wav", synth.melody(rng, 32.0, 16_000), 16_000)
    return folder


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("noise"), np.random.default_rng(12)
    synth.write_wav(folder / "hiss.wav", 0.1 * rng.standard_normal(160_000), 16_000)
    synth.write_wav(folder / "speech.wav", synth.speech(rng, 10.0, 16_000), 16_000)
    return folder


def evaluated(run, folder, toy_folder, *options):
    return run("evaluate", "scan", "--music", folder, "--encoder", toy_folder, "--minutes", 1.5, *options)


def test_mixes_are_named_and_a_table_compares_the_ways(run, folder, noise, toy_folder, tmp_path):
    lines = evaluated(run, folder, toy_folder, "--noise", noise, "--out", tmp_path).stdout.splitlines()
    facts = json.loads((tmp_path / "scan.json").read_text())
    columns = [f"{recipe}: {way}" for recipe, ways in facts["results"].items() for way in ways]
    rows = {cells[0]: cells[1:] for cells in (re.split("  +", line.strip()) for line in lines[2:])}
    naive = facts["results"]["radio"]["every 5 s"]

    assert lines[0] == "6 songs and 2 jingles in the catalogue, 2 songs absent"
    assert re.split("  +", lines[1].strip()) == columns
    assert {recipe.partition(":")[0] for recipe in columns} == {"radio", "bar"}
    assert {len(cells) for cells in rows.values()} == {len(columns)}
    assert naive["duration_s"] > 89
    assert naive["right"] > 0.4
    for found in (found for ways in facts["results"].values() for found in ways.values()):
        assert found["right_s"] + found["wrong_s"] + found["missed_s"] == pytest.approx(found["songs_s"])


def test_simple_way_can_be_left_out(run, folder, noise, toy_folder):
    lines = evaluated(run, folder, toy_folder, "--noise", noise, "--scan-only").stdout.splitlines()

    assert re.split("  +", lines[1].strip()) == ["radio: songradar scan", "bar: songradar scan"]


def test_music_is_needed(run):
    result = run("evaluate", "scan")

    assert (result.exit_code, "--music" in result.stderr) == (2, True)


def test_songs_too_short_to_be_played_are_refused(run, music, toy_folder):
    result = evaluated(run, music["Amber"].parent, toy_folder)

    assert (result.exit_code, "no song" in result.stderr) == (2, True)


def test_options_before_the_subcommand_are_refused(run, folder):
    result = run("evaluate", "--seed", 3, "scan", "--music", folder)

    assert result.exit_code == 2
    assert "--seed: options of scan stand after it" in result.stderr
