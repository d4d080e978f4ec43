"""From folders to both sides of the split."""

from dataclasses import replace

import numpy as np
import pytest

from songradar.ml.errors import TrainingDataError
from songradar.ml.training.contrastive.recordings import Part, part_of
from tests.ml import tiny

pytestmark = pytest.mark.train


def test_each_part_has_its_songs(sides):
    train, validation = sides

    assert train.songs.names == ("song 0.wav", "song 3.wav", "song 4.wav", "song 5.wav")
    assert validation.songs.names == ("song 11.wav", "song 13.wav", "song 15.wav")


def test_each_file_belongs_to_one_part(tmp_path, rng):
    from songradar.ml.training.contrastive.material import names_of

    folders = tiny.folders(tmp_path, rng)
    names = {part: names_of(folders, tiny.HELD_OUT_SHARE, part) for part in Part}

    assert len(names[Part.TRAIN]) == 4 + 3
    assert names[Part.VALIDATION] == [
        "device 1.wav", "noise 0.wav", "room 0.wav", "song 11.wav", "song 13.wav", "song 15.wav"
    ]  # fmt: skip
    assert names[Part.TEST] == ["song 1.wav", "song 2.wav"]
    assert all(part_of(name, tiny.HELD_OUT_SHARE) == part for part in Part for name in names[part])


def test_without_rooms_there_is_no_training(tmp_path, rng):
    from songradar.ml.training.contrastive.material import read_sides

    folders = tiny.folders(tmp_path, rng)
    for room in (tmp_path / "responses").glob("room*"):
        room.rename(tmp_path / "responses" / f"device of {room.name}")

    with pytest.raises(TrainingDataError, match="no impulse response of a room is left to train on"):
        read_sides(folders, tiny.CONTRASTIVE_SPEC, tiny.HELD_OUT_SHARE, tmp_path, 1, lambda: None)


def test_each_side_has_its_noises_rooms_and_devices(sides):
    for side in sides:
        assert [
            len(part) for part in (side.surroundings.noises, side.surroundings.rooms, side.surroundings.devices)
        ] == [1, 1, 1]
        assert len(side.surroundings.rooms[0]) > len(side.surroundings.devices[0])


def test_trial_and_catalogue_are_of_the_songs_held_out(material, sides):
    songs = sides[1].songs

    n_frames = 1 + (songs.lengths - tiny.CONTRASTIVE_SPEC.n_fft) // tiny.CONTRASTIVE_SPEC.hop_length
    np.testing.assert_array_equal(np.diff(material.catalogue.starts), n_frames)
    assert set(material.trial.song) <= set(range(len(songs)))
    assert len(material.degraded.frames) == 24


def test_examples_are_of_the_songs_and_every_second_in_noise(sides):
    from songradar.ml.training.contrastive.material import example_fragments

    spec = tiny.CONTRASTIVE_SPEC
    examples = example_fragments(sides[0], spec, 6, seed=0)

    again = example_fragments(
        replace(sides[0], surroundings=replace(sides[0].surroundings, noises=sides[1].surroundings.noises)), spec, 6, 0
    )
    assert examples.shape == (6, spec.fragment_samples)
    assert [np.array_equal(one, other) for one, other in zip(examples, again, strict=True)] == [True, False] * 3


def test_files_are_counted(tmp_path, rng):
    from songradar.ml.training.contrastive.material import count_files

    assert count_files(tiny.folders(tmp_path, rng), tiny.HELD_OUT_SHARE) == 4 + 3 + 2


@pytest.mark.parametrize("kind", ["music", "noise", "responses"])
def test_empty_folder_is_named(kind, tmp_path, rng):
    from songradar.ml.training.contrastive.material import count_files

    (tmp_path / "empty").mkdir()
    folders = replace(tiny.folders(tmp_path, rng), **{kind: [tmp_path / "empty"]})

    with pytest.raises(TrainingDataError, match="empty: holds no audio files"):
        count_files(folders, tiny.HELD_OUT_SHARE)
