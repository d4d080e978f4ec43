"""Training leaves what it says, and goes on after a kill as if nothing had happened."""

import csv

import numpy as np
import pytest

from tests.ml import tiny

pytestmark = pytest.mark.train

SETTINGS = {"n_pairs": 4, "steps": 4, "validation_steps": 1, "patience": 10}
QUANTITIES = [f"{part}{quantity}" for part in ("", "fragments_", "songs_") for quantity in ("loss", "accuracy")]


@pytest.fixture
def train(rng):
    """Train the tiny network: `train(out, epochs=3)` returns the model and the lines logged."""
    from songradar.ml.training.siamese.dataset import split
    from songradar.ml.training.siamese.fit import SiameseConfig, fit

    dataset = tiny.dataset(rng)
    parts = split(dataset.songs, 0.34, rng)

    def train(out, **settings):
        out.mkdir(exist_ok=True)
        lines = []
        return fit(dataset, parts, tiny.SPEC, SiameseConfig(**{**SETTINGS, **settings}), out, lines.append), lines

    return train


def rows(out):
    with (out / "curves.csv").open(newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_each_epoch_is_a_row_and_the_best_state_is_kept(train, tmp_path, rng):
    import keras

    model, lines = train(tmp_path, epochs=3)

    best = keras.saving.load_model(tmp_path / "best.keras")
    images = rng.random((2, tiny.SPEC.n_mels, tiny.SPEC.n_frames, 1), np.float32)
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2, 3]
    assert list(rows(tmp_path)[0]) == ["epoch", *QUANTITIES, "seconds"]
    assert len(lines) == 3
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    np.testing.assert_array_equal(model([images, images[::-1]]), best([images, images[::-1]]))


def test_killed_training_goes_on_as_if_it_had_not_been(train, tmp_path):
    train(tmp_path / "whole", epochs=3)
    train(tmp_path / "killed", epochs=2)
    before = rows(tmp_path / "killed")
    row = (tmp_path / "killed" / "curves.csv").read_text().splitlines()[-1]
    with (tmp_path / "killed" / "curves.csv").open("a") as file:
        file.write("3," + row.split(",", 1)[1] + "\n")  # written, but the kill came before the state was saved

    _, lines = train(tmp_path / "killed", epochs=3)

    assert [line.split()[1] for line in lines] == ["3"]
    assert rows(tmp_path / "killed")[:2] == before
    for got, expected in zip(rows(tmp_path / "killed"), rows(tmp_path / "whole"), strict=True):
        assert [got[name] for name in QUANTITIES] == pytest.approx([expected[name] for name in QUANTITIES], abs=1e-5)


def test_finished_training_is_not_repeated(train, tmp_path):
    train(tmp_path, epochs=1)
    before = rows(tmp_path)

    _, lines = train(tmp_path, epochs=1)

    assert lines == []
    assert rows(tmp_path) == before


def test_training_stops_when_patience_is_over(train, tmp_path):
    _, lines = train(tmp_path, epochs=9, patience=1, learning_rate=0.0)  # nothing learnt, so nothing better

    assert len(lines) == 2
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2]


@pytest.mark.parametrize(
    ("losses", "best", "over"),
    [
        ([0.7], 1, False),
        ([0.7, 0.6, 0.5], 3, False),
        ([0.7, 0.5, 0.6], 2, False),
        ([0.7, 0.5, 0.6, 0.6], 2, True),
        ([0.5, 0.5, 0.5], 1, True),
    ],
)
def test_patience_counts_epochs_since_the_best(losses, best, over):
    from songradar.ml.training.siamese.fit import MONITOR, SiameseConfig, best_epoch, schedule_of

    history = [{"epoch": epoch, MONITOR: loss} for epoch, loss in enumerate(losses, start=1)]

    assert best_epoch(history) == best
    assert schedule_of(SiameseConfig(patience=2)).is_over(history) == over


def test_no_epochs_are_not_over():
    from songradar.ml.training.siamese.fit import SiameseConfig, schedule_of

    assert not schedule_of(SiameseConfig(patience=0)).is_over([])


def test_scaled_embeddings_have_a_norm_of_one_and_the_centre_is_their_mean(rng):
    from songradar.ml.training.siamese.dataset import split
    from songradar.ml.training.siamese.fit import embedding_scale_and_centre
    from songradar.ml.training.siamese.network import siamese_encoder

    dataset, encoder = tiny.dataset(rng), siamese_encoder(tiny.SPEC)
    parts = split(dataset.songs, 0.25, rng)

    scale, centre = embedding_scale_and_centre(encoder, dataset, parts)

    images = dataset.images[np.concatenate(parts.train)][..., None].astype(np.float32) / 255
    embeddings = np.asarray(encoder(images))
    norms = np.linalg.norm(scale * embeddings, axis=1)
    assert np.sqrt(np.mean(norms**2)) == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(centre, embeddings.mean(axis=0), atol=1e-4)


def test_folder_with_another_training_is_refused(train, tmp_path):
    from songradar.ml.errors import TrainingDataError

    train(tmp_path, epochs=1)

    with pytest.raises(TrainingDataError, match="holds a training with another seed; choose an empty folder"):
        train(tmp_path, epochs=2, seed=1)
