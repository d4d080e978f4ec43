"""Contrastive training leaves what it says, and goes on after a kill as if nothing had happened."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from songradar.ml.errors import TrainingDataError
from tests.ml.tiny import CONTRASTIVE_SPEC as SPEC
from tests.ml.tiny import WIDTHS

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def train(material):
    """Train for two epochs of two steps: `train(out)` returns the encoder and the lines logged."""
    from songradar.ml.training.contrastive.fit import fit

    short = config()

    def train(out, log=None):
        out.mkdir(exist_ok=True)
        lines = []
        return fit(material, SPEC, short, out, log or lines.append), lines

    return train


@pytest.fixture(scope="module")
def trained(train, tmp_path_factory):
    """A whole training: its folder, the encoder and the lines logged."""
    out = tmp_path_factory.mktemp("trained")
    return out, *train(out)


def config(**others):
    """Two epochs of two steps of a small network, if not told otherwise."""
    from songradar.ml.training.contrastive.config import ContrastiveConfig

    usual = ContrastiveConfig(widths=WIDTHS, n_pairs=16, steps=2, epochs=2, n_chunks=24, trial_size=2)
    return replace(usual, **others)


def rows(out):
    with (out / "curves.csv").open(newline="") as file:
        return [{key: float(value) for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


class Killed(Exception):
    pass


def kill(line):
    raise Killed(line)


def test_each_epoch_is_a_row_with_all_hit_rates(trained):
    from songradar.ml.training.contrastive.retrieval import QUERIED

    out, _, lines = trained

    rates = [f"{condition.name}, {s} s" for condition in QUERIED for s in (1, 3)]
    assert [line.split()[1] for line in lines] == ["1", "2"]
    assert [row["epoch"] for row in rows(out)] == [1, 2]
    for row in rows(out):
        assert list(row) == ["epoch", "loss", "hit_rate", *rates]
        assert row["hit_rate"] == pytest.approx(np.mean([row[name] for name in rates]))


def test_best_encoder_is_returned(trained, material):
    from songradar.ml.training.contrastive.fit import embedder
    from songradar.ml.training.contrastive.retrieval import hit_rates

    out, encoder, _ = trained

    rates = hit_rates(embedder(encoder), material.catalogue, material.trial, SPEC)

    best = max(rows(out), key=lambda row: row["hit_rate"])
    assert rates == pytest.approx({name: best[name] for name in rates}, abs=1e-4)


def test_killed_training_goes_on_as_if_it_had_not_been(train, trained, tmp_path):
    whole, expected, _ = trained
    with pytest.raises(Killed, match="^epoch 1 "):
        train(tmp_path, kill)
    row = (tmp_path / "curves.csv").read_text().splitlines()[-1]
    with (tmp_path / "curves.csv").open("a") as file:
        file.write("2," + row.split(",", 1)[1] + "\n")  # as if killed again before the state was saved

    encoder, lines = train(tmp_path)

    assert [line.split()[1] for line in lines] == ["2"]
    assert len(rows(tmp_path)) == 2
    for got, uninterrupted in zip(rows(tmp_path), rows(whole), strict=True):
        assert got == pytest.approx(uninterrupted, abs=1e-4)
    for got, uninterrupted in zip(encoder.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(got, uninterrupted, atol=1e-4)


def test_finished_training_is_not_repeated(train, trained):
    out, *_ = trained
    before = rows(out)

    _, lines = train(out)

    assert lines == []
    assert rows(out) == before


def test_average_of_the_last_epochs_is_measured_as_one_more(material, tmp_path):
    from songradar.ml.training.checkpoints import read_weights
    from songradar.ml.training.contrastive.fit import embedder, fit
    from songradar.ml.training.contrastive.network import contrastive_encoder
    from songradar.ml.training.contrastive.retrieval import hit_rates

    encoder = fit(material, SPEC, config(epochs=3, n_averaged=2), tmp_path, lambda _: None)

    assert sorted(path.name for path in tmp_path.glob("epoch*.npz")) == ["epoch2.npz", "epoch3.npz"]
    second, third = (read_weights(tmp_path / f"epoch{epoch}.npz") for epoch in (2, 3))
    average = contrastive_encoder(SPEC, WIDTHS)
    average.set_weights([(one + other) / 2 for one, other in zip(second, third, strict=True)])
    *_, last = rows(tmp_path)
    rates = hit_rates(embedder(average), material.catalogue, material.trial, SPEC)
    assert last["epoch"] == 4
    assert rates == pytest.approx({name: last[name] for name in rates}, abs=1e-4)
    best = max(rows(tmp_path), key=lambda row: row["hit_rate"])
    rates = hit_rates(embedder(encoder), material.catalogue, material.trial, SPEC)
    assert rates == pytest.approx({name: best[name] for name in rates}, abs=1e-4)


def test_average_that_is_best_is_what_the_training_leaves(material, tmp_path, monkeypatch):
    from songradar.ml.training.checkpoints import read_weights
    from songradar.ml.training.contrastive import fit as module

    rate, lines = iter([0.1, 0.2, 0.9]), []
    monkeypatch.setattr(module, "mean_rate", lambda _: next(rate))

    encoder = module.fit(material, SPEC, config(n_averaged=2), tmp_path, lines.append)

    assert lines[2:] == ["average of the last 2 hit_rate 0.9"]
    expected = module.averaged([tmp_path / "epoch1.npz", tmp_path / "epoch2.npz"])
    for got, small, mean in zip(encoder.get_weights(), read_weights(tmp_path / "weights.npz"), expected, strict=True):
        np.testing.assert_allclose(got, mean, atol=1e-6)
        np.testing.assert_allclose(small, mean, atol=1e-3)


def test_settings_tell_trainings_apart(sides):
    from songradar.ml.training.contrastive.config import ContrastiveConfig, Recipe
    from songradar.ml.training.contrastive.fit import settings

    train, validation = sides
    config = ContrastiveConfig()
    one = settings(SPEC, config, train)
    others = [
        settings(replace(SPEC, hop_s=1.0), config, train),
        settings(SPEC, replace(config, recipe=Recipe(room=False)), train),
        settings(SPEC, config, replace(train, songs=validation.songs)),
        settings(SPEC, config, replace(train, surroundings=validation.surroundings)),
    ]

    assert one == settings(SPEC, config, train)
    assert all(one != other for other in others)


def test_ancestor_is_what_the_training_was_made_of(tmp_path):
    from songradar.ml.training.contrastive.fit import ancestor

    (tmp_path / "settings.json").write_text('{"held_out_share": 0.2, "seed": 3}')
    (tmp_path / "best.keras").write_bytes(b"weights")

    made_of = ancestor(tmp_path, 0.15)

    assert made_of["best.keras"].startswith("9a129038")
    assert (made_of["held_out_share"], made_of["seed"]) == (0.2, 3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"held_out_share": 0.1}', "has been trained on what is held out here"),
        ('{"patience": 10}', "has been trained on what is held out here"),  # of a Siamese training
        ('{"held_out_sha', "settings.json is damaged"),
    ],
)
def test_ancestor_that_will_not_do_is_refused(text, reason, tmp_path):
    from songradar.ml.training.contrastive.fit import ancestor

    (tmp_path / "settings.json").write_text(text)
    (tmp_path / "best.keras").write_bytes(b"weights")

    with pytest.raises(TrainingDataError, match=reason):
        ancestor(tmp_path, 0.15)


def test_training_in_bfloat16_leaves_an_encoder_in_float32(material, tmp_path):
    import keras

    from songradar.ml.training.contrastive.fit import embedder, fit

    encoder = fit(material, SPEC, config(steps=1, precision="mixed_bfloat16"), tmp_path, lambda _: None)

    assert {str(layer.compute_dtype) for layer in encoder.layers} == {"float32"}
    views = np.random.default_rng(0).standard_normal((4, SPEC.n_frames, SPEC.n_mels)).astype(np.float32)
    trained = keras.saving.load_model(tmp_path / "best.keras", compile=False)
    assert {str(layer.compute_dtype) for layer in trained.layers} == {"bfloat16", "float32"}
    similarity = np.sum(embedder(encoder)(views) * embedder(trained)(views), axis=1)
    assert similarity.min() == pytest.approx(1, abs=0.01)
    assert similarity.min() < 1


def test_training_begins_with_the_weights_of_another(trained, material):
    from songradar.ml.training.contrastive.fit import first_encoder

    out, encoder, _ = trained

    first = first_encoder(SPEC, config(), out, material.clean)

    for got, expected in zip(first.get_weights(), encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_training_begins_with_weights_that_were_kept_small(trained, material, tmp_path):
    from songradar.ml.training.contrastive.fit import ancestor, embedder, first_encoder

    out, encoder, _ = trained
    (tmp_path / "weights.npz").write_bytes((out / "weights.npz").read_bytes())
    (tmp_path / "settings.json").write_text('{"held_out_share": 0.15}')

    first = first_encoder(SPEC, config(), tmp_path, material.clean)

    assert "weights.npz" in ancestor(tmp_path, 0.15)
    assert (tmp_path / "weights.npz").stat().st_size < (out / "best.keras").stat().st_size / 4
    views = np.random.default_rng(0).standard_normal((8, SPEC.n_frames, SPEC.n_mels)).astype(np.float32)
    np.testing.assert_allclose(embedder(first)(views), embedder(encoder)(views), atol=0.01)


def test_training_begins_with_the_principal_dimensions_of_a_wider_network(trained, material):
    from songradar.ml.training.contrastive.fit import embedder, first_encoder
    from songradar.ml.training.contrastive.retrieval import spread_embeddings

    out, encoder, _ = trained

    narrow = first_encoder(replace(SPEC, dim=24), config(), out, material.clean)

    (_, few), (_, all_) = (spread_embeddings(embedder(model), material.clean, SPEC) for model in (narrow, encoder))
    assert few.shape == (len(all_), 24)
    np.testing.assert_allclose(few @ few.T, all_ @ all_.T, atol=0.05)


def test_weights_of_another_network_are_refused(tmp_path, trained, material):
    from songradar.ml.training.contrastive.fit import first_encoder

    (tmp_path / "best.keras").write_bytes((trained[0] / "best.keras").read_bytes()[:1000])

    wide, wider = replace(SPEC, dim=2 * SPEC.dim), config(widths=(16, 16, 16, 16))
    for spec, others, start in ((wide, config(), trained[0]), (SPEC, wider, trained[0]), (SPEC, config(), tmp_path)):
        with pytest.raises(TrainingDataError, match=f"{start.name}: no encoder of this kind"):
            first_encoder(spec, others, start, material.clean)


@pytest.mark.parametrize(("rates", "best"), [([0.5], 1), ([0.2, 0.6, 0.4], 2), ([0.5, 0.5], 1)])
def test_best_epoch_has_the_highest_hit_rate(rates, best):
    from songradar.ml.training.contrastive.fit import MONITOR, best_epoch

    assert best_epoch([{"epoch": epoch, MONITOR: rate} for epoch, rate in enumerate(rates, start=1)]) == best


def test_learning_rate_rises_for_an_epoch_and_falls_to_the_end():
    from songradar.ml.training.contrastive.config import ContrastiveConfig
    from songradar.ml.training.contrastive.fit import compiled
    from songradar.ml.training.contrastive.network import contrastive_encoder

    config = ContrastiveConfig(steps=10, epochs=4, learning_rate=1e-3)
    schedule = compiled(contrastive_encoder(SPEC, (4, 4, 4, 4)), config).optimizer._learning_rate

    rates = [float(schedule(step)) for step in range(41)]

    assert np.argmax(rates) == 10
    assert rates[10] == pytest.approx(1e-3)
    assert rates[0] == pytest.approx(1e-3 / 20)
    assert rates[40] == pytest.approx(1e-5)
    assert (np.diff(rates[:11]) > 0).all()
    assert (np.diff(rates[10:]) < 0).all()


def test_embedding_in_batches_is_that_of_the_whole(rng):
    from songradar.ml.training.contrastive.fit import embedder
    from songradar.ml.training.contrastive.network import contrastive_encoder

    encoder = contrastive_encoder(SPEC, (4, 4, 4, 4))
    views = rng.standard_normal((7, SPEC.n_frames, SPEC.n_mels)).astype(np.float32)

    np.testing.assert_allclose(embedder(encoder, batch_size=3)(views), encoder(views[..., None]), atol=1e-5)
