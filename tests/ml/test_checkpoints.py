"""A training's folder says what is trained in it, and survives a kill."""

from dataclasses import asdict

import pytest

from songradar.ml.errors import TrainingDataError

pytestmark = pytest.mark.train


@pytest.fixture
def checkpoints():
    from songradar.ml.training import checkpoints

    return checkpoints


def test_same_settings_may_go_on(checkpoints, tmp_path):
    from songradar.ml.training.contrastive.config import ContrastiveConfig

    for _ in range(2):
        checkpoints.check_settings({**asdict(ContrastiveConfig()), "sizes": (1, 2)}, tmp_path)


def test_another_setting_is_refused_and_named(checkpoints, tmp_path):
    from songradar.ml.training.contrastive.config import ContrastiveConfig, Recipe

    checkpoints.check_settings({**asdict(ContrastiveConfig()), "music": "a"}, tmp_path)
    noted = (tmp_path / "settings.json").read_text()

    other = {**asdict(ContrastiveConfig(steps=7, recipe=Recipe(room=False))), "music": "b"}
    with pytest.raises(TrainingDataError, match="holds a training with another steps, recipe, music; choose an empty"):
        checkpoints.check_settings(other, tmp_path)

    assert (tmp_path / "settings.json").read_text() == noted


def test_curves_are_read_as_they_were_written(checkpoints, tmp_path):
    rows = [{"epoch": 1, "clean, 1 s": 0.1 + 0.2}, {"epoch": 2, "clean, 1 s": 1e-9}]

    checkpoints.write_curves(rows, tmp_path / "curves.csv")

    assert checkpoints.read_curves(tmp_path / "curves.csv") == rows
    assert [path.name for path in tmp_path.iterdir()] == ["curves.csv"]


def test_no_curves_are_no_rows(checkpoints, tmp_path):
    assert checkpoints.read_curves(tmp_path / "curves.csv") == []


def test_failed_saving_leaves_the_old_state(checkpoints, tmp_path):
    class Unsaved:
        def save(self, path):
            path.write_text("half")
            raise KeyboardInterrupt

    (tmp_path / "last.keras").write_text("whole")

    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(Unsaved(), tmp_path / "last.keras")

    assert (tmp_path / "last.keras").read_text() == "whole"
