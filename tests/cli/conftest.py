"""A catalogue of five songs, and a mix of them: what is scanned."""

import json

import numpy as np
import psycopg
import pytest

from songradar.ml.audio import read_audio
from songradar.ml.augmentation import change_speed
from tests import synth

SECONDS = 40.0


@pytest.fixture
def songs(tmp_path, rng):
    """Five songs of 40 s, and one that the catalogue will not hold."""
    folder = tmp_path / "songs"
    folder.mkdir()
    for name in ("Alder", "Beech", "Cedar", "Elm", "Fir"):
        synth.write_wav(folder / f"The Trees - {name}.wav", synth.melody(rng, SECONDS))
    synth.write_wav(tmp_path / "unknown.wav", synth.melody(rng, SECONDS))
    return {path.stem.rpartition(" - ")[2]: read_audio(path, synth.RATE_HZ) for path in folder.iterdir()} | {
        "unknown": read_audio(tmp_path / "unknown.wav", synth.RATE_HZ)
    }


@pytest.fixture
def catalogue(database, run, songs, tmp_path):
    """The songs, with a threshold that only a real match reaches."""
    run("ingest", tmp_path / "songs")
    with psycopg.connect(database) as connection:
        calibration = {"fragments": [1], "intercept": [-8], "lead": [40], "peak": [0], "threshold": [0.5]}
        connection.execute("UPDATE songradar.encoders SET calibration = %s", [json.dumps(calibration)])
    return database


@pytest.fixture
def mix(tmp_path, songs):
    """Alder from 10 s on, a song that nobody knows, Beech 1 % faster, silence, all of Cedar, Alder once more."""
    rate = synth.RATE_HZ
    pieces = [
        songs["Alder"][10 * rate :],
        songs["unknown"],
        change_speed(songs["Beech"], rate, 1.01),
        np.zeros(20 * rate, np.float32),
        songs["Cedar"],
        songs["Alder"][: 20 * rate],
    ]
    return synth.write_wav(tmp_path / "mix.wav", np.concatenate(pieces))
