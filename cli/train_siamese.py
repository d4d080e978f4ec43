"""songradar train siamese: the article's network."""

import os
from pathlib import Path

import click

from cli.output import progress, warn
from cli.training import CREDITS, FOLDER, OUT, PER_CELL, SEED, finish, read_credits, write_encoder


@click.command()
@click.argument("music", metavar="MUSIC_DIR", type=FOLDER)
@OUT
@click.option("--epochs", type=click.IntRange(1), default=60, show_default=True, help="Epochs at most.")
@click.option("--steps", type=click.IntRange(1), default=150, show_default=True, help="Batches in an epoch.")
@click.option("--pairs", type=click.IntRange(2), default=32, show_default=True, help="Pairs in a batch; even.")
@click.option("--patience", type=click.IntRange(1), default=10, show_default=True, help="Epochs to wait for better.")
@click.option("--pooling/--no-pooling", default=True, help="Halve the picture between convolutions [yes].")
@click.option("--noise", type=FOLDER, help="Recordings of noise to calibrate with [pink noise].")
@PER_CELL
@SEED
@CREDITS
def siamese(
    music: Path,
    out: Path,
    epochs: int,
    steps: int,
    pairs: int,
    patience: int,
    pooling: bool,
    noise: Path | None,
    recordings: int,
    seed: int,
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

    from cli.calibrate import calibrate
    from cli.evaluate import audio_in, surroundings
    from ml.files import audio_files, path_of
    from ml.spec import SIAMESE
    from ml.training.card import siamese_card
    from ml.training.checkpoints import read_curves
    from ml.training.export import encoder_onnx
    from ml.training.siamese.config import SiameseConfig
    from ml.training.siamese.dataset import render, split
    from ml.training.siamese.fit import best_epoch, embedding_scale_and_centre, fit
    from ml.training.siamese.network import extract_encoder

    if pairs % 2:
        raise click.UsageError(f"--pairs {pairs} is odd: one half of a batch is of the same song, the other is not")
    licences = read_credits(credits_)
    config = SiameseConfig(n_pairs=pairs, steps=steps, epochs=epochs, patience=patience, pooling=pooling, seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    files = list(audio_files([music]))
    with progress("drawing", len(files)) as advance:
        dataset = render(files, SIAMESE, out, os.cpu_count() or 1, advance)
    for failure in dataset.failures:
        warn(failure)
    parts = split(dataset.songs, config.validation_share, np.random.default_rng(seed))
    warn(f"{len(dataset.songs)} songs, {len(dataset.images)} fragments; {len(parts.apart)} songs set apart")
    encoder = extract_encoder(fit(dataset, parts, SIAMESE, config, out, warn))
    scale_and_centre = embedding_scale_and_centre(encoder, dataset, parts)
    write_encoder(out, encoder_onnx(encoder, SIAMESE, *scale_and_centre), SIAMESE)
    rows = read_curves(out / "curves.csv")
    apart = {dataset.songs[number].source for number in parts.apart}
    songs = audio_in([path_of(song.source) for song in dataset.songs], None)
    around = surroundings([noise] if noise else [], [], None)
    calibration = calibrate(out, songs, lambda song: song.source in apart, around, (10, 15, 30), recordings, seed)
    metrics = {**rows[best_epoch(rows) - 1], "parameters": encoder.count_params()}
    text = siamese_card(out.resolve().name, dataset, config, metrics, calibration, licences)
    finish(out, metrics, calibration, text)
