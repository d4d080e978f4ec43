"""songradar train: from a folder of music to an encoder that `songradar encoders add` takes."""

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import progress, warn

if TYPE_CHECKING:
    import numpy as np

    from db.encoders import NewEncoder
    from ml.training.dataset import Dataset, Split

N_WITHOUT_MUSIC = 50


@click.group()
def train() -> None:
    """Train an encoder on your own music. Needs pip install 'songradar[train]'."""


@train.command()
@click.argument("music", metavar="MUSIC_DIR", type=click.Path(path_type=Path))
@click.option("--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Where everything goes.")
@click.option("--epochs", type=click.IntRange(1), default=60, show_default=True, help="Epochs at most.")
@click.option("--steps", type=click.IntRange(1), default=150, show_default=True, help="Batches in an epoch.")
@click.option("--pairs", type=click.IntRange(2), default=32, show_default=True, help="Pairs in a batch; even.")
@click.option("--patience", type=click.IntRange(1), default=10, show_default=True, help="Epochs to wait for better.")
@click.option("--seed", default=0, show_default=True, help="Seed of all that is drawn.")
@click.option("--pooling/--no-pooling", default=True, help="Halve the picture between convolutions [yes].")
@click.option("--noise", type=click.Path(path_type=Path), help="Recordings of noise to calibrate with [pink noise].")
@click.option(
    "--credits", "credits_", type=click.Path(path_type=Path), help="Text on the music's licences for the card."
)
def siamese(
    music: Path,
    out: Path,
    epochs: int,
    steps: int,
    pairs: int,
    patience: int,
    seed: int,
    pooling: bool,
    noise: Path | None,
    credits_: Path | None,
) -> None:
    """Train the article's Siamese network on the songs in MUSIC_DIR and extract its encoder.

    \b
    songradar train siamese ~/Music --out runs/mine
    songradar encoders add runs/mine

    Run it again after an interruption: it goes on after the last whole epoch. DIR gets best.keras (the Siamese
    network), curves.csv and curves.png, encoder.onnx with spec.json, calibration.json, metrics.json and CARD.md.
    """
    import numpy as np

    from ml.files import audio_files
    from ml.spec import SIAMESE
    from ml.training.card import card
    from ml.training.dataset import render, split
    from ml.training.export import encoder_onnx
    from ml.training.fit import TrainingConfig, best_epoch, embedding_scale, fit, read_curves
    from ml.training.network import extract_encoder

    if pairs % 2:
        raise click.UsageError(f"--pairs {pairs} is odd: one half of a batch is of the same song, the other is not")
    text_on_licences = credits_.read_text("utf-8") if credits_ else "Whatever the music's licences say.\n"
    config = TrainingConfig(n_pairs=pairs, steps=steps, epochs=epochs, patience=patience, pooling=pooling, seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    files = list(audio_files([music]))
    with progress("drawing", len(files)) as advance:
        dataset = render(files, SIAMESE, out, os.cpu_count() or 1, advance)
    for failure in dataset.failures:
        warn(failure)
    parts = split(dataset.songs, config.validation_share, np.random.default_rng(seed))
    warn(f"{len(dataset.songs)} songs, {len(dataset.images)} fragments; {len(parts.apart)} songs set apart")
    network = fit(dataset, parts, SIAMESE, config, out, warn)
    encoder = extract_encoder(network)
    (out / "encoder.onnx").write_bytes(encoder_onnx(encoder, SIAMESE, embedding_scale(encoder, dataset, parts)))
    SIAMESE.write(out / "spec.json")
    (out / "calibration.json").unlink(missing_ok=True)  # it was another network's
    rows = read_curves(out / "curves.csv")
    metrics: dict[str, Any] = dict(rows[best_epoch(rows) - 1])
    calibration, searched = calibrate(out, dataset, parts, noise, np.random.default_rng(seed))
    metrics |= {"parameters": encoder.count_params(), **searched}
    if calibration is not None:
        write_json(out / "calibration.json", calibration)
    write_json(out / "metrics.json", metrics)
    (out / "CARD.md").write_text(card(out.resolve().name, dataset, config, metrics, calibration, text_on_licences))
    click.echo(f"{out}: encoder ready; add it with songradar encoders add {out}")


def calibrate(
    folder: Path, dataset: "Dataset", parts: "Split", noise: Path | None, rng: "np.random.Generator"
) -> tuple[dict[str, float] | None, dict[str, int]]:
    """Weights for the confidence (None where the music is too little to tell), and what was counted on the way.

    A temporary catalogue holds all songs but every second one of those set apart. Cuts of the songs set apart are
    searched in it: of some the song is there, of the others it is not. So are recordings without any music.
    """
    from cli.encoders import read_folder
    from cli.evaluate import search_all
    from cli.temporary import fill, temporary_catalogue
    from db.engine import connect
    from ml.errors import TrainingDataError
    from ml.evaluation import noise_queries, random_queries
    from ml.noise import read_noises
    from ml.spec import AudioSpec
    from ml.training.calibration import calibrate as fit_calibration

    spec = AudioSpec.read(folder / "spec.json")
    noises = read_noises(noise, spec.sample_rate_hz) if noise else []
    paths = [Path(song.source) for song in dataset.songs]
    held_out = [paths[number] for number in parts.apart]
    missing = set(held_out[::2])
    per_song = min(40, max(4, 400 // len(held_out)))
    new = without_calibration(read_folder(folder))
    with temporary_catalogue(), connect() as connection:
        stored, encoder = fill(connection, new, [path for path in paths if path not in missing], os.cpu_count() or 1)
        search = partial(search_all, connection=connection, stored=stored, encoder=encoder)
        cuts = partial(random_queries, spec=spec, noises=noises, rng=rng, per_song=per_song)
        there = [path for path in held_out if path not in missing]
        present = search(cuts(there), total=per_song * len(there))
        absent = search(cuts(sorted(missing)), total=per_song * len(missing))
        absent += search(noise_queries(N_WITHOUT_MUSIC, spec, noises, rng), total=N_WITHOUT_MUSIC)
    facts = {
        "random_cuts": len(present),
        "random_cuts_right": sum(outcome.right for outcome in present),
        "absent_cuts": len(absent),
    }
    try:
        return fit_calibration(present, absent), facts
    except TrainingDataError as error:
        warn(f"no calibration: {error}")
        return None, facts


def without_calibration(encoder: "NewEncoder") -> "NewEncoder":
    """The encoder as it is before anybody knows what its scores mean."""
    from dataclasses import replace

    return replace(encoder, calibration=None, name="candidate")


def write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n")
