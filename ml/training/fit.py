"""Train the Siamese network: epochs of pairs, early stopping, the best and the last state kept, resumable."""

import csv
import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from ml.errors import TrainingDataError
from ml.spec import AudioSpec
from ml.training.curves import draw_curves
from ml.training.dataset import Dataset, Split
from ml.training.network import siamese_encoder, siamese_network
from ml.training.pairs import Pairs

MONITOR = "songs_loss"
"""What early stopping watches: the loss on songs apart, since a catalogue is of songs nobody trained on."""


@dataclass(frozen=True)
class TrainingConfig:
    """Hyper-parameters; the defaults are those of the shipped encoder."""

    n_pairs: int = 32
    steps: int = 150
    validation_steps: int = 40
    epochs: int = 60
    patience: int = 10
    learning_rate: float = 1e-3
    validation_share: float = 0.25
    pooling: bool = True
    seed: int = 0


def fit(
    dataset: Dataset, parts: Split, spec: AudioSpec, config: TrainingConfig, out: Path, log: Callable[[str], None]
) -> keras.Model:
    """Train until `patience` epochs brought nothing better, and return the best model.

    In `out`, `last.keras` and `best.keras` are the states, `curves.csv` has one row an epoch and `curves.png` shows
    it. Called again after a kill, it goes on after the last whole epoch: the optimizer's step count in `last.keras`
    says which, and a row written for an epoch that was not saved is dropped.
    """
    keras.utils.set_random_seed(config.seed)
    check_settings(dataset, config, out)
    last, best = out / "last.keras", out / "best.keras"
    model = (
        keras.saving.load_model(last)
        if last.exists()
        else siamese_network(siamese_encoder(spec, config.pooling), config.learning_rate)
    )
    first_epoch = int(model.optimizer.iterations) // config.steps
    rows = read_curves(out / "curves.csv")[:first_epoch]
    seen, apart = (
        Pairs(dataset.images, songs, config.n_pairs, config.validation_steps, [config.seed, i])
        for i, songs in enumerate((parts.fragments, parts.songs))
    )
    for epoch in range(first_epoch, config.epochs):
        if is_over(rows, config.patience):
            break
        started = time.monotonic()
        pairs = Pairs(dataset.images, parts.train, config.n_pairs, config.steps, [config.seed, 2, epoch])
        trained = model.fit(pairs, shuffle=False, verbose=int(sys.stdout.isatty())).history
        on_seen, on_apart = (model.evaluate(part, verbose=0, return_dict=True) for part in (seen, apart))
        rows.append(
            {
                "epoch": epoch + 1,
                "loss": trained["loss"][-1],
                "accuracy": trained["accuracy"][-1],
                "fragments_loss": on_seen["loss"],
                "fragments_accuracy": on_seen["accuracy"],
                "songs_loss": on_apart["loss"],
                "songs_accuracy": on_apart["accuracy"],
                "seconds": round(time.monotonic() - started, 1),
            }
        )
        write_curves(rows, out / "curves.csv")
        if best_epoch(rows) == epoch + 1:
            save(model, best)
        save(model, last)  # comes last: an epoch counts as done when this is written
        log(" ".join(f"{key} {value:.4g}" for key, value in rows[-1].items()))
    draw_curves(rows, out / "curves.png")
    return keras.saving.load_model(best)


def check_settings(dataset: Dataset, config: TrainingConfig, out: Path) -> None:
    """Note what a training is made of, or raise TrainingDataError when `out` holds another one.

    Going on with other music or another seed would train on songs that were set apart. How long to train may change.
    """
    fixed = {key: value for key, value in asdict(config).items() if key not in ("epochs", "patience")}
    music = hashlib.sha256("".join(song.sha256 for song in dataset.songs).encode()).hexdigest()
    settings, file = {**fixed, "music": music}, out / "settings.json"
    known = json.loads(file.read_text()) if file.exists() else settings
    changed = [key for key, value in settings.items() if known.get(key) != value]
    if changed:
        raise TrainingDataError(f"{out}: holds a training with another {', '.join(changed)}; choose an empty folder")
    file.write_text(json.dumps(settings, indent=2) + "\n")


def best_epoch(rows: list[dict[str, float]]) -> int:
    """The epoch (from 1) with the lowest monitored loss."""
    return int(min(rows, key=lambda row: row[MONITOR])["epoch"])


def is_over(rows: list[dict[str, float]], patience: int) -> bool:
    """Whether the last `patience` epochs brought nothing better; read from the rows, so that a resumed run knows."""
    return bool(rows) and rows[-1]["epoch"] - best_epoch(rows) >= patience


def save(model: keras.Model, path: Path) -> None:
    """Save so that a kill leaves either the old file or the new one."""
    partial = path.with_suffix(f".partial{path.suffix}")
    model.save(partial)
    partial.replace(path)


def write_curves(rows: list[dict[str, float]], path: Path) -> None:
    partial = path.with_suffix(".partial.csv")
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)


def read_curves(path: Path) -> list[dict[str, float]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def embedding_scale(encoder: keras.Model, dataset: Dataset, parts: Split, n_images: int = 512) -> float:
    """The factor that gives embeddings a root-mean-square norm of 1.

    It changes no order of distances, and lets one formula, 1 - d^2/2, serve as similarity for this encoder and for
    those whose embeddings are unit vectors.
    """
    numbers = np.concatenate(parts.train)
    chosen = numbers[np.linspace(0, len(numbers) - 1, min(n_images, len(numbers))).astype(int)]
    embeddings = encoder.predict(dataset.images[chosen].astype(np.float32)[..., None] / 255, verbose=0)
    return float(1 / np.sqrt(np.mean(np.sum(np.square(embeddings), axis=1))))
