"""From folders to both sides of the split."""

from dataclasses import replace

import numpy as np
import pytest

from ml.errors import TrainingDataError
from ml.training.contrastive.recordings import is_held_out
from tests.ml import tiny

pytestmark = pytest.mark.train


def test_no_file_is_on_both_sides(sides):
    train, held_out = sides

    assert not set(train.names) & set(held_out.names)
    assert len(train.names) + len(held_out.names) == 7 + 2 + 4
    assert all(is_held_out(name, tiny.HELD_OUT_SHARE) for name in held_out.names)
    assert train.songs.names == ("song 0.wav", "song 3.wav", "song 4.wav", "song 5.wav")


def test_each_side_has_its_noises_rooms_and_devices(sides):
    for side in sides:
        assert [len(part) for part in (side.around.noises, side.around.rooms, side.around.devices)] == [1, 1, 1]
        assert len(side.around.rooms[0]) > len(side.around.devices[0])


def test_trial_and_catalogue_are_of_the_songs_held_out(material, sides):
    held_out = sides[1].songs

    n_frames = 1 + (held_out.lengths - tiny.CONTRASTIVE_SPEC.n_fft) // tiny.CONTRASTIVE_SPEC.hop_length
    np.testing.assert_array_equal(np.diff(material.catalogue.starts), n_frames)
    assert set(material.trial.song) <= set(range(len(held_out)))
    assert len(material.degraded.frames) == 24


def test_files_are_counted(tmp_path, rng):
    from ml.training.contrastive.material import count_files

    assert count_files(tiny.folders(tmp_path, rng)) == 7 + 2


def test_empty_folder_is_named(tmp_path, rng):
    from ml.training.contrastive.material import count_files

    (tmp_path / "empty").mkdir()
    folders = replace(tiny.folders(tmp_path, rng), noise=[tmp_path / "empty"])

    with pytest.raises(TrainingDataError, match="empty: holds no audio files"):
        count_files(folders)
