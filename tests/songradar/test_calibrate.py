"""Calibration asks for songs that its catalogue holds and for others, and tells them apart."""

import pytest

from songradar.calibrate import calibrate
from songradar.ml.conditions import CONDITIONS, Surroundings, usable
from songradar.ml.files import audio_files
from tests import synth

N_CONDITIONS = sum(not condition.aligned for condition in usable(CONDITIONS, Surroundings()))


@pytest.fixture
def songs(tmp_path, rng):
    """Eight songs; the last four, and a copy of the sixth, are called held out."""
    for number in range(8):
        synth.write_wav(tmp_path / f"{number}.wav", synth.melody(rng, 12.0))
    (tmp_path / "6 again.wav").write_bytes((tmp_path / "6.wav").read_bytes())
    return list(audio_files([tmp_path]))


@pytest.mark.train
def test_songs_that_are_there_are_told_from_others(songs, toy_folder):
    events = []
    held_out = lambda song: song.name >= "4"
    calibration = calibrate(toy_folder, songs, held_out, Surroundings(), (2, 4), 3, seed=0, listen=events.append)

    assert [getattr(event, "outcome", None) for event in events].count("added") == 6  # eight, less two held out
    assert calibration.n_present == 2 * 3 * N_CONDITIONS
    assert calibration.n_absent == 2 * (3 * N_CONDITIONS + 6)
    assert calibration.n_right > calibration.n_present / 2
    assert calibration.weights is not None
    assert calibration.weights["log_distance"] < 0 < calibration.weights["log_ratio"]


def test_nothing_asked_is_no_calibration(songs, toy_folder):
    calibration = calibrate(toy_folder, songs, lambda song: True, Surroundings(), (2,), 0, seed=0)

    assert (calibration.weights, calibration.n_present, calibration.n_absent) == (None, 0, 0)
