"""Calibration asks for songs that its catalogue holds and for others, and tells them apart."""

import json
import shutil

import numpy as np
import pytest

from songradar.calibrate import calibrate
from songradar.ml.conditions import CONDITIONS, Surroundings, usable
from songradar.ml.files import audio_files
from tests import synth

N_CONDITIONS = sum(not condition.aligned for condition in usable(CONDITIONS, Surroundings()))


@pytest.fixture
def folder(toy_folder, tmp_path):
    """A copy of the toy encoder: it is changed, and the catalogues of other tests are made with the original."""
    return shutil.copytree(toy_folder, tmp_path / "copy" / "toy")


@pytest.fixture
def songs(tmp_path, rng):
    """Twelve songs; the last four, and a copy of one of them, are called held out."""
    for number in range(12):
        synth.write_wav(tmp_path / f"{number:02}.wav", synth.melody(rng, 12.0))
    (tmp_path / "10 again.wav").write_bytes((tmp_path / "10.wav").read_bytes())
    return list(audio_files([tmp_path]))


@pytest.mark.train
def test_songs_that_are_there_are_told_from_others(songs, folder):
    events = []
    held_out = lambda song: song.name >= "08"
    calibration = calibrate(folder, songs, held_out, Surroundings(), (2, 4), 3, seed=0, listen=events.append)

    assert [getattr(event, "outcome", None) for event in events].count(
        "added"
    ) == 9  # twelve, less two held out, less one in five of the rest
    assert calibration.n_present == 2 * 3 * N_CONDITIONS
    assert calibration.n_absent == 2 * (2 * 3 * N_CONDITIONS + 6)  # of absent songs, and with the song taken out
    assert calibration.n_right > calibration.n_present / 2
    assert len(calibration.weights["fragments"]) == 2
    assert min(calibration.weights["lead"]) >= 0
    assert np.load(folder / "cohort.npy").shape == (1, 20, 64)


def test_nothing_asked_is_no_calibration(songs, folder):
    calibration = calibrate(folder, songs, lambda song: True, Surroundings(), (2,), 0, seed=0)

    assert (calibration.weights, calibration.n_present, calibration.n_absent) == ({}, 0, 0)


@pytest.mark.train
def test_evaluation_is_fitted_without_searching_again(run, music, folder, tmp_path, database):
    """What `evaluate` wrote is all that `calibrate` reads; the folder and the catalogue get the same weights."""
    out = tmp_path / "out"
    options = ["--seconds", "2,4", "--per-condition", 2, "--absent", 0.4, "--out", out]
    run("evaluate", "--music", music["Amber"].parent, "--encoder", folder, *options)
    in_folder = run("calibrate", folder, out / "evaluation.json")
    in_catalogue = run("calibrate", "toy", out / "evaluation.json")
    run("encoders", "export", "toy", "-o", tmp_path / "toy")
    weights = json.loads((folder / "calibration.json").read_text())

    assert in_folder.exit_code == in_catalogue.exit_code == 0
    assert in_folder.stdout.splitlines()[0].startswith(f"{folder}: fitted to ")
    assert "a song is named from a confidence of" in in_folder.stdout
    assert json.loads((tmp_path / "toy" / "calibration.json").read_text()) == weights


@pytest.mark.train
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("not JSON", "is no evaluation"),
        ('{"encoders": {}}', "has no encoder toy"),
        ('{"encoders": {"toy": {"outcomes": []}}}', "needs searches that went right"),
        ('{"encoders": {"toy": {}}}', "is no evaluation"),
    ],
)
def test_what_cannot_be_fitted_is_refused_and_changes_nothing(content, reason, run, folder, tmp_path):
    (tmp_path / "evaluation.json").write_text(content)
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    result = run("calibrate", folder, tmp_path / "evaluation.json")

    assert (result.exit_code, reason in result.stderr) == (2, True)
    assert sorted((path.name, path.read_bytes()) for path in folder.iterdir()) == before
