"""Train the Siamese network: epochs of pairs, early stopping, the best and the last state kept, resumable."""

import hashlib
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from songradar.ml.spec import AudioSpec
from songradar.ml.training.checkpoints import check_settings
from songradar.ml.training.curves import draw_pair_curves
from songradar.ml.training.loop import Row, Schedule, run_epochs
from songradar.ml.training.siamese.config import SiameseConfig
from songradar.ml.training.siamese.dataset import Dataset, Split
from songradar.ml.training.siamese.network import siamese_encoder, siamese_network
from songradar.ml.training.siamese.pairs import Pairs

MONITOR = "songs_loss"
"""Early stopping uses the loss on held-out songs, because a catalogue has songs that were not trained on."""


def fit(
    dataset: Dataset, parts: Split, spec: AudioSpec, config: SiameseConfig, out: Path, log: Callable[[str], None]
) -> keras.Model:
    """Train until `patience` epochs brought nothing better, and return the best model.

    In `out`, it leaves what `run_epochs` does, and `curves.png`. Called again after a kill, it goes on after the last
    whole epoch.
    """
    keras.utils.set_random_seed(config.seed)
    check_settings(settings_of(dataset, config), out)
    last, best = out / "last.keras", out / "best.keras"
    model = (
        keras.saving.load_model(last)
        if last.exists()
        else siamese_network(siamese_encoder(spec, config.pooling), config.learning_rate)
    )
    seen, apart = (
        Pairs(dataset.images, songs, config.n_pairs, config.validation_steps, [config.seed, i])
        for i, songs in enumerate((parts.fragments, parts.songs))
    )

    def run_epoch(epoch: int) -> Row:
        pairs = Pairs(dataset.images, parts.train, config.n_pairs, config.steps, [config.seed, 2, epoch])
        trained = model.fit(pairs, shuffle=False, verbose=int(sys.stdout.isatty())).history
        on_seen, on_apart = (model.evaluate(part, verbose=0, return_dict=True) for part in (seen, apart))
        return {
            "loss": trained["loss"][-1],
            "accuracy": trained["accuracy"][-1],
            "fragments_loss": on_seen["loss"],
            "fragments_accuracy": on_seen["accuracy"],
            "songs_loss": on_apart["loss"],
            "songs_accuracy": on_apart["accuracy"],
        }

    rows = run_epochs(model, schedule_of(config), out, run_epoch, log)
    draw_pair_curves(rows, out / "curves.png")
    return keras.saving.load_model(best)


def settings_of(dataset: Dataset, config: SiameseConfig) -> dict[str, Any]:
    """The settings that must not change when a training is resumed. `epochs` and `patience` may change."""
    fixed = {key: value for key, value in asdict(config).items() if key not in ("epochs", "patience")}
    music = hashlib.sha256("".join(song.sha256 for song in dataset.songs).encode()).hexdigest()
    return {**fixed, "music": music}


def schedule_of(config: SiameseConfig) -> Schedule:
    """With early stopping, as in the article."""
    return Schedule(config.epochs, config.steps, MONITOR, smaller=True, patience=config.patience)


def best_epoch(rows: list[Row]) -> int:
    """The epoch (from 1) with the lowest monitored loss."""
    return Schedule(0, 1, MONITOR, smaller=True).best_epoch(rows)


def embedding_scale_and_centre(
    encoder: keras.Model, dataset: Dataset, parts: Split, n_images: int = 512
) -> tuple[float, NDArray[np.float32]]:
    """The factor that gives embeddings a root-mean-square norm of 1, and their mean, (dim,).

    The factor keeps the order of distances. With it, the similarity is 1 - d^2/2 for this encoder as for those whose
    embeddings are unit vectors. Subtracting the mean changes no distance. It is needed because the index of fragments
    is built from signs, and these embeddings are never negative.
    """
    numbers = np.concatenate(parts.train)
    chosen = numbers[np.linspace(0, len(numbers) - 1, min(n_images, len(numbers))).astype(int)]
    embeddings = encoder.predict(dataset.images[chosen].astype(np.float32)[..., None] / 255, verbose=0)
    return float(1 / np.sqrt(np.mean(np.sum(np.square(embeddings), axis=1)))), embeddings.mean(axis=0)
