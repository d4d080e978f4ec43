"""Many files at a time: what cannot be used comes as data, and only a few are in hand."""

import itertools
from queue import SimpleQueue
from threading import Event

import numpy as np
import pytest

from ml.decoder import Decoder
from ml.encoder import Encoder
from ml.extraction import Extracted, HashedFile, extract, extract_one
from ml.files import Failure, audio_files, sha256
from ml.tags import Tags
from tests import synth


@pytest.fixture(scope="module")
def encoder(toy_folder):
    return Encoder.read(toy_folder, threads=1)


def hashed(path):
    [file] = audio_files([path])
    return HashedFile(file, sha256(path))


@pytest.fixture
def decoders():
    """A decoder to take from."""
    queue = SimpleQueue()
    with Decoder() as decoder:
        queue.put(decoder)
        yield queue


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


def test_song_gives_its_tags_and_fingerprint(files, encoder, decoders):
    result = extract_one(files[0], encoder, decoders, Event())

    assert result.hashed == files[0]
    assert result.tags == Tags("Amber", "The Trees")
    assert result.fingerprint.duration_s == pytest.approx(12)
    assert result.fingerprint.positions.tolist() == list(range(23))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_song_comes_once(workers, files, encoder):
    results = list(extract(files, encoder, workers))

    assert sorted(result.tags.title for result in results) == ["Amber", "Birch", "Cedar"]


def test_results_do_not_depend_on_order_or_workers(files, encoder, decoders):
    alone = {file: extract_one(file, encoder, decoders, Event()).fingerprint for file in files}

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


def test_file_that_vanished_is_data(files, encoder, decoders):
    files[0].file.path.unlink()

    assert extract_one(files[0], encoder, decoders, Event()) == Failure(str(files[0].file.path), "does not exist")


def test_no_files_give_nothing(encoder):
    assert list(extract([], encoder, 4)) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_at_most_two_files_a_worker_are_in_hand(workers, files, encoder):
    n_asked = 0

    def endless():
        nonlocal n_asked
        for file in itertools.cycle(files):
            n_asked += 1
            yield file

    results = extract(endless(), encoder, workers)
    ahead = [n_asked - n_given for n_given, _ in enumerate(itertools.islice(results, 20))]
    results.close()

    assert max(ahead) <= 2 * workers


def test_nothing_is_read_before_the_first_result_is_asked_for(files, encoder):
    waiting = iter(files)

    extract(waiting, encoder, 2)

    assert next(waiting) is files[0]
