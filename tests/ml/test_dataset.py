"""Pictures on disk, and their split into training and validation."""

import dataclasses

import numpy as np
import pytest

from songradar.ml.audio import read_audio
from songradar.ml.errors import TrainingDataError
from songradar.ml.files import audio_files
from tests import synth
from tests.ml.tiny import SPEC

pytestmark = pytest.mark.train

RATE_HZ = SPEC.sample_rate_hz
SPEC_10_S = dataclasses.replace(SPEC, fragment_s=10.0, hop_s=10.0, hop_length=2000)


@pytest.fixture
def music(tmp_path, rng):
    """Four songs of two or three fragments of ten seconds, one of them twice, and a file that is no audio."""
    folder = tmp_path / "music"
    folder.mkdir()
    for name, duration_s in (("a", 21), ("b", 33), ("c", 25), ("d", 30)):
        synth.write_wav(folder / f"{name}.wav", synth.melody(rng, duration_s, RATE_HZ), RATE_HZ)
    (folder / "a again.wav").write_bytes((folder / "a.wav").read_bytes())
    (folder / "broken.mp3").write_text("no audio " * 100)
    return folder


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def render():
    """`dataset.render` on all that lies in a folder."""
    from songradar.ml.training.siamese import dataset

    return lambda music, *rest, workers: dataset.render(list(audio_files([music])), *rest, workers)


def test_each_whole_fragment_is_a_picture(render, music, out):
    from songradar.ml.training.spectrogram import mel_image

    dataset = render(music, SPEC_10_S, out, workers=2)

    assert dataset.images.shape == (2 + 3 + 2 + 3, SPEC.n_mels, SPEC.n_frames)
    assert dataset.images.dtype == np.uint8
    by_source = {song.source: song for song in dataset.songs}
    b = by_source[str((music / "b.wav").resolve())]
    second = read_audio(music / "b.wav", RATE_HZ)[10 * RATE_HZ : 20 * RATE_HZ]
    assert b.n_fragments == 3
    np.testing.assert_allclose(dataset.images[b.first + 1] / 255, mel_image(second, SPEC_10_S), atol=1 / 255)


def test_same_bytes_are_one_song(render, music, out):
    dataset = render(music, SPEC_10_S, out, workers=2)

    assert len(dataset.songs) == len({song.sha256 for song in dataset.songs}) == 4


def test_file_that_cannot_be_read_is_listed(render, music, out):
    dataset = render(music, SPEC_10_S, out, workers=2)

    assert dataset.failures == (f"{(music / 'broken.mp3').resolve()}: is not audio that can be decoded",)


def test_silent_fragments_are_left_out(render, music, out, rng):
    song = synth.melody(rng, 40, RATE_HZ)
    song[10 * RATE_HZ : 20 * RATE_HZ] = 0
    synth.write_wav(music / "half silent.wav", song, RATE_HZ)
    synth.write_wav(music / "silent.wav", 0 * song, RATE_HZ)

    counts = [song.n_fragments for song in render(music, SPEC_10_S, out, workers=2).songs]

    assert sorted(counts) == [2, 2, 3, 3, 3]


def test_pictures_are_drawn_once(render, music, out):
    first = render(music, SPEC_10_S, out, workers=2)
    drawn_at = (out / "images.u8").stat().st_mtime_ns

    again = render(music, SPEC_10_S, out, workers=2)

    assert (out / "images.u8").stat().st_mtime_ns == drawn_at
    assert (again.songs, again.failures) == (first.songs, first.failures)
    np.testing.assert_array_equal(again.images, first.images)


@pytest.mark.parametrize("change", ["spec", "file"])
def test_pictures_are_drawn_again_after_a_change(change, render, music, out, rng):
    render(music, SPEC_10_S, out, workers=2)
    spec = SPEC_10_S
    if change == "spec":
        spec = dataclasses.replace(SPEC_10_S, hop_s=5.0)
    else:
        synth.write_wav(music / "e.wav", synth.melody(rng, 60, RATE_HZ), RATE_HZ)

    assert len(render(music, spec, out, workers=2).images) == {"spec": 3 + 5 + 4 + 5, "file": 10 + 6}[change]


def test_too_few_songs_are_refused(render, music, out):
    (music / "d.wav").unlink()

    with pytest.raises(TrainingDataError, match="3 usable songs; training needs at least 4"):
        render(music, SPEC_10_S, out, workers=2)


@pytest.fixture
def split():
    from songradar.ml.training.siamese import dataset

    def split(n_fragments, share, seed=0):
        firsts = np.cumsum([0, *n_fragments]).tolist()
        songs = [dataset.TrainingSong(str(i), str(i), firsts[i], n) for i, n in enumerate(n_fragments)]
        return dataset.split(songs, share, np.random.default_rng(seed))

    return split


def test_every_fragment_is_in_one_part(split):
    parts = split([20, 8, 1, 12, 30, 4, 17, 2], 0.25)

    every = np.concatenate([*parts.train, *parts.fragments, *parts.songs])
    assert sorted(every.tolist()) == list(range(94))


def test_parts_have_their_shares(split):
    parts = split([20] * 12, 0.25)

    assert [len(song) for song in parts.songs] == [20] * 3
    assert [len(song) for song in parts.fragments] == [5] * 9
    assert [len(song) for song in parts.train] == [15] * 9


def test_songs_apart_are_whole_and_share_no_song_with_training(split):
    parts = split([10] * 8, 0.25)

    apart = {int(number) // 10 for song in parts.songs for number in song}
    trained = {int(number) // 10 for song in (*parts.train, *parts.fragments) for number in song}
    assert apart == set(parts.apart)
    assert len(apart) == 2
    assert trained == set(range(8)) - apart


def test_two_songs_at_least_are_apart(split):
    assert len(split([10] * 4, 0.01).songs) == 2


def test_split_depends_on_the_seed_only(split):
    first, again, other = (split([10] * 20, 0.25, seed) for seed in (1, 1, 2))

    assert [song.tolist() for song in first.train] == [song.tolist() for song in again.train]
    assert first.apart != other.apart
