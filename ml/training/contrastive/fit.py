"""Train the contrastive encoder: epochs of views, validation by retrieval, resumable."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from songradar.ml.errors import TrainingDataError
from songradar.ml.spec import AudioSpec
from songradar.ml.training.checkpoints import read_weights, save, write_curves, write_weights
from songradar.ml.training.contrastive.bank import Clean
from songradar.ml.training.contrastive.config import ContrastiveConfig
from songradar.ml.training.contrastive.material import Material, Side
from songradar.ml.training.contrastive.network import NTXent, contrastive_encoder
from songradar.ml.training.contrastive.projection import itq_rotation, principal_directions, turned
from songradar.ml.training.contrastive.retrieval import hit_rates, mean_rate, nearest_songs, spread_embeddings
from songradar.ml.training.contrastive.views import N_NEIGHBOURS, Spectrograms, Views
from songradar.ml.training.curves import draw_retrieval_curves
from songradar.ml.training.loop import Row, Schedule, run_epochs

MONITOR = "hit_rate"
"""What the best epoch is chosen by: the mean of validation's hit rates."""


SMALL = "weights.npz"
"""The best weights without the optimizer's state, from which another training can begin."""


def fit(
    material: Material,
    spec: AudioSpec,
    config: ContrastiveConfig,
    out: Path,
    log: Callable[[str], None],
    start: Path | None = None,
) -> keras.Model:
    """Train for `epochs` and return the best encoder by retrieval. It begins with the best weights in `start`, if any.

    In `out`, it leaves what `run_epochs` does, `weights.npz` with the best weights alone, and `curves.png`. Called
    again after a kill, it goes on after the last whole epoch. If weights are averaged, the average is measured as one
    more epoch, and may be the best.
    """
    keras.utils.set_random_seed(config.seed)
    last, best = out / "last.keras", out / "best.keras"
    if last.exists():
        model = keras.saving.load_model(last)
    else:
        model = compiled(first_encoder(spec, config, start, material.clean), config)
    embed = embedder(model)

    def run_epoch(epoch: int) -> Row:
        neighbours = config.recipe.neighbours
        alike = nearest_songs(embed, material.clean, spec, N_NEIGHBOURS) if neighbours else None
        views = Views(
            material.clean,
            material.degraded,
            material.noise,
            spec,
            config.recipe,
            config.n_pairs,
            config.steps,
            [config.seed, 1, epoch],
            alike,
        )
        loss = model.fit(views, shuffle=False, verbose=0).history["loss"][-1]
        if config.n_averaged > 1 and epoch >= config.epochs - config.n_averaged:
            write_weights(model, out / f"epoch{epoch + 1}.npz")
        return {"loss": loss, **validated()}

    def validated() -> Row:
        rates = hit_rates(embed, material.catalogue, material.trial, spec)
        return {MONITOR: mean_rate(rates), **rates}

    schedule = Schedule(config.epochs, config.steps, MONITOR)
    rows = run_epochs(model, schedule, out, run_epoch, log, lambda: write_weights(model, out / SMALL))
    if config.n_averaged > 1:
        measure_average(model, rows, config, out, validated, log)
    draw_retrieval_curves(rows, out / "curves.png")
    encoder = contrastive_encoder(spec, config.widths)  # in float32, whatever the training's precision was
    encoder.set_weights(keras.saving.load_model(best, compile=False).get_weights())
    return encoder


def measure_average(
    model: keras.Model,
    rows: list[Row],
    config: ContrastiveConfig,
    out: Path,
    validated: Callable[[], Row],
    log: Callable[[str], None],
) -> None:
    """Measure the average of the last epochs' weights as one more epoch; it is left as the best if it is that."""
    of_last = rows[-config.n_averaged :]
    model.set_weights(averaged([out / f"epoch{row['epoch']:.0f}.npz" for row in of_last]))
    loss = float(np.mean([row["loss"] for row in of_last]))
    rows.append({"epoch": config.epochs + 1, "loss": loss, **validated(), "seconds": 0.0})
    log(f"average of the last {len(of_last)} {MONITOR} {rows[-1][MONITOR]:.4g}")
    write_curves(rows, out / "curves.csv")
    if best_epoch(rows) > config.epochs:
        save(model, out / "best.keras")
        write_weights(model, out / SMALL)


def averaged(paths: Sequence[Path]) -> list[NDArray[np.float32]]:
    """The mean of the weights in each of `paths` (stochastic weight averaging, Izmailov et al. 2018).

    The means and variances of batch normalisation are averaged as well, not measured anew: the rate falls to nothing at
    the end, so the averaged networks are close to each other.
    """
    return [np.mean(arrays, axis=0) for arrays in zip(*map(read_weights, paths), strict=True)]


def turn_for_codes(encoder: keras.Model, clean: Clean, spec: AudioSpec) -> None:
    """Rotate the embeddings so that their signs are most informative, since an index may store only signs."""
    _, embeddings = spread_embeddings(embedder(encoder), clean, spec)
    encoder.set_weights(turned(encoder, itq_rotation(embeddings)))


def settings(spec: AudioSpec, config: ContrastiveConfig, train: Side) -> dict[str, Any]:
    """All settings that must stay the same when a training is resumed."""
    return {**asdict(config), "spec": spec.as_dict(), "songs": train.songs.digest, "around": train.surroundings.digest}


def ancestor(start: Path, held_out_share: float) -> dict[str, Any]:
    """What the training in the folder `start` was made of, with the SHA-256 of its best weights.

    Raises TrainingDataError when there is none, or when it was trained on files that are to be held out now.
    """
    try:
        made_of = json.loads((start / "settings.json").read_text())
        weights = weights_in(start)
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    except OSError as error:
        raise TrainingDataError(f"{start}: holds no training to begin with ({error.strerror})") from None
    except ValueError:
        raise TrainingDataError(f"{start}: holds no training to begin with (settings.json is damaged)") from None
    if made_of.get("held_out_share", 0) < held_out_share:
        raise TrainingDataError(f"{start}: has been trained on what is held out here; ask for a smaller share")
    return {weights.name: digest, **made_of}


def weights_in(start: Path) -> Path:
    """The file of best weights in a training's folder: `best.keras`, or `weights.npz` if only that was kept."""
    return start / "best.keras" if (start / "best.keras").exists() else start / SMALL


def first_encoder(spec: AudioSpec, config: ContrastiveConfig, start: Path | None, clean: Clean) -> keras.Model:
    """An untrained encoder, or the best one in `start`. Raises TrainingDataError when that is one of another kind.

    If it has more dimensions than `spec`, it is projected onto the principal directions of the embeddings of `clean`.
    """
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.precision)
    encoder = contrastive_encoder(spec, config.widths)
    keras.config.set_dtype_policy(usual)
    if start:
        try:
            if weights_in(start).suffix == ".npz":
                earlier = contrastive_encoder(spec, config.widths)
                earlier.set_weights(read_weights(weights_in(start)))
            else:
                earlier = keras.saving.load_model(weights_in(start), compile=False)
            weights = earlier.get_weights()
            if earlier.output_shape[-1] > spec.dim:
                _, embeddings = spread_embeddings(embedder(earlier), clean, spec)
                weights = turned(earlier, principal_directions(embeddings, spec.dim))
            encoder.set_weights(weights)
        except (OSError, ValueError) as error:
            raise TrainingDataError(f"{start}: no encoder of this kind: {str(error).splitlines()[0]}") from None
    return encoder


def best_epoch(rows: list[Row]) -> int:
    """The epoch (from 1) with the highest mean of hit rates."""
    return Schedule(0, 1, MONITOR).best_epoch(rows)


def compiled(encoder: keras.Model, config: ContrastiveConfig) -> keras.Model:
    """The encoder with its loss and Adam, whose learning rate rises for an epoch and falls as a cosine to the end."""
    total = config.epochs * config.steps
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 20,
        decay_steps=max(1, total - config.steps),
        warmup_target=config.learning_rate,
        warmup_steps=config.steps,
        alpha=0.01,
    )
    encoder.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3), loss=NTXent(config.temperature))
    return encoder


def embedder(model: keras.Model, batch_size: int = 512) -> Callable[[Spectrograms], NDArray[np.float32]]:
    """The network as a function of arrays."""

    def embed(views: Spectrograms) -> NDArray[np.float32]:
        return np.concatenate(
            [
                np.asarray(model.predict_on_batch(views[first : first + batch_size, ..., None]))
                for first in range(0, len(views), batch_size)
            ]
        )

    return embed
