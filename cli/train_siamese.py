"""songradar train siamese: the article's network."""

from pathlib import Path

import click

from songradar.cli.options import PATH
from songradar.cli.training import CREDITS, OUT, PER_CELL, SEED, read_credits
from songradar.cli.watching import Watching
from songradar.ml.extraction import usable_cores


@click.command()
@click.argument("music", metavar="MUSIC_DIR", type=PATH)
@OUT
@click.option("--epochs", type=click.IntRange(1), default=60, show_default=True, help="Epochs at most.")
@click.option("--steps", type=click.IntRange(1), default=150, show_default=True, help="Batches in an epoch.")
@click.option("--pairs", type=click.IntRange(2), default=32, show_default=True, help="Pairs in a batch; even.")
@click.option("--patience", type=click.IntRange(1), default=10, show_default=True, help="Epochs to wait for better.")
@click.option("--pooling/--no-pooling", default=True, help="Halve the picture between convolutions [yes].")
@click.option("--noise", type=PATH, help="Recordings of noise to calibrate with [pink noise].")
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
    from songradar.ml.training.siamese.config import SiameseConfig
    from songradar.train import Publication, train_siamese  # TensorFlow, which help does without

    if pairs % 2:
        raise click.UsageError(f"--pairs {pairs} is odd: one half of a batch is of the same song, the other is not")
    publication = Publication(recordings, read_credits(credits_))
    config = SiameseConfig(n_pairs=pairs, steps=steps, epochs=epochs, patience=patience, pooling=pooling, seed=seed)
    with Watching() as watching:
        train_siamese(music, config, out, noise, publication, usable_cores(), watching)
    click.echo(f"{out}: encoder ready; add it with songradar encoders add {out}")
