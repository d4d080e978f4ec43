"""What a contrastive training is fed with, made once for all tests."""

import numpy as np
import pytest

from tests.ml import tiny


@pytest.fixture(scope="session")
def sides(tmp_path_factory):
    """Training's files and those held out; their samples lie in a temporary folder."""
    from songradar.ml.training.contrastive.material import read_sides

    folder = tmp_path_factory.mktemp("contrastive")
    found = tiny.folders(folder, np.random.default_rng(7))
    (folder / "bank").mkdir()
    return read_sides(found, tiny.CONTRASTIVE_SPEC, tiny.HELD_OUT_SHARE, folder / "bank", 1, lambda: None)


@pytest.fixture(scope="session")
def material(sides, tmp_path_factory):
    """The spectrograms of `sides`: 24 chunks, two queries a condition."""
    from songradar.ml.training.contrastive.config import ContrastiveConfig
    from songradar.ml.training.contrastive.material import render

    config = ContrastiveConfig(n_chunks=24, trial_size=2)
    return render(*sides, tiny.CONTRASTIVE_SPEC, config, tmp_path_factory.mktemp("bank"), 1, lambda: None)
