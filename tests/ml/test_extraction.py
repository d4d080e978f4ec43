"""Many files at a time: what cannot be used comes as data, and the end breaks off what is not done."""

import subprocess
import sys

import numpy as np
import pytest

from songradar.ml.encoder import Encoder
from songradar.ml.extraction import Extracted, Extraction, HashedFile
from songradar.ml.files import AudioFile, Failure, audio_files, sha256
from songradar.ml.tags import Tags
from tests import synth


@pytest.fixture(scope="module")
def encoder(toy_folder):
    return Encoder.read(toy_folder, threads=1)


def hashed(path):
    [file] = audio_files([path])
    return HashedFile(file, sha256(path))


def extract(files, encoder, workers=2):
    """What comes of each file, in their order."""
    with Extraction(encoder, workers) as extraction:
        return [future.result() for future in [extraction.encode(file) for file in files]]


@pytest.fixture
def files(music):
    return [hashed(path) for path in music.values()]


@pytest.fixture
def bad_files(tmp_path, rng):
    """One that is no audio, one that is silent, one that is too short."""
    (tmp_path / "text.mp3").write_text("no audio " * 100)
    synth.write_wav(tmp_path / "silent.wav", np.zeros(5 * synth.RATE_HZ, np.float32))
    synth.write_wav(tmp_path / "short.wav", synth.melody(rng, 0.5))
    return [hashed(tmp_path / name) for name in ("text.mp3", "silent.wav", "short.wav")]


def test_song_gives_its_tags_and_fingerprint(files, encoder):
    [result] = extract(files[:1], encoder)

    assert result.hashed == files[0]
    assert result.tags == Tags("Amber", "The Trees")
    assert result.fingerprint.duration_s == pytest.approx(12)
    assert result.fingerprint.positions.tolist() == list(range(23))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_song_comes_once(workers, files, encoder):
    results = extract(files, encoder, workers)

    assert sorted(result.tags.title for result in results) == ["Amber", "Birch", "Cedar"]


def test_results_do_not_depend_on_order_or_workers(files, encoder):
    alone = {file: extract([file], encoder, 1)[0].fingerprint for file in files}

    for result in extract(reversed(files), encoder, 3):
        np.testing.assert_array_equal(result.fingerprint.embeddings, alone[result.hashed].embeddings)
        np.testing.assert_array_equal(result.fingerprint.positions, alone[result.hashed].positions)


def test_bad_files_are_data_and_the_rest_goes_on(files, bad_files, encoder):
    results = list(extract([bad_files[0], files[0], *bad_files[1:], *files[1:]], encoder, 2))

    reasons = {result.path: result.reason for result in results if isinstance(result, Failure)}
    text, silent, short = (str(bad.file.path) for bad in bad_files)
    assert sum(isinstance(result, Extracted) for result in results) == 3
    assert reasons == {
        text: "is not audio that can be decoded",
        silent: "is silent",
        short: "is too short: 0.5 s, and encoder toy needs at least 1 s",
    }


def test_file_that_vanished_is_data(files, encoder):
    files[0].file.path.unlink()

    assert extract(files[:1], encoder) == [Failure(str(files[0].file.path), "does not exist")]


def test_file_is_hashed_in_the_background(files, bad_files, encoder):
    missing = AudioFile(bad_files[0].file.path.with_name("gone.wav"), 1, bad_files[0].file.modified_at)
    with Extraction(encoder, 1) as extraction:
        found, failed = (extraction.hash(file).result() for file in (files[0].file, missing))

    assert found == files[0]
    assert failed.reason == "cannot be read (No such file or directory)"


def test_leaving_ends_the_decoders_and_what_is_not_done(files, encoder):
    with Extraction(encoder, 1) as extraction:
        futures = [extraction.encode(file) for file in files * 20]
        futures[0].result()

    assert all(future.done() for future in futures)
    assert any(future.cancelled() for future in futures)


def test_cores_are_those_that_this_process_may_use():
    ask = "import os; os.sched_setaffinity(0, {0}); from songradar.ml.extraction import usable_cores as n; print(n())"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)

    assert done.stdout == "1\n"
