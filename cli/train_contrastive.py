"""songradar train contrastive: an encoder that names recordings made in the real world."""

import math
from dataclasses import fields, replace
from itertools import combinations
from pathlib import Path

import click

from songradar.cli.options import PATH, WORKERS
from songradar.cli.training import CREDITS, OUT, PER_CELL, SEED, read_credits
from songradar.cli.watching import Watching
from songradar.ml.extraction import usable_cores
from songradar.ml.spec import CONTRASTIVE, EMBEDDING_DIM
from songradar.ml.training.contrastive.config import ContrastiveConfig, Recipe

DEFAULTS = ContrastiveConfig()
QUERY_HOP_S = 0.3125
"""The largest hop of queries: the time in seconds from the start of one fragment to that of the next."""


@click.command()
@click.argument("music", metavar="MUSIC_DIR...", type=PATH, nargs=-1, required=True)
@click.option("--noise", metavar="DIR", multiple=True, required=True, type=PATH, help="Recordings of noise.")
@click.option(
    "--ir",
    metavar="DIR",
    multiple=True,
    required=True,
    type=PATH,
    help="Impulse responses; of loudspeakers and microphones where a file's name begins with device, else of rooms.",
)
@OUT
@click.option("--bank", metavar="DIR", type=PATH, help="Where spectrograms are kept between runs [DIR/bank].")
@click.option("--epochs", type=click.IntRange(2), default=DEFAULTS.epochs, show_default=True, help="Epochs.")
@click.option(
    "--average",
    type=click.IntRange(1),
    default=DEFAULTS.n_averaged,
    show_default=True,
    help="Try the average of the weights of the last so many epochs, too.",
)
@click.option("--steps", type=click.IntRange(1), default=DEFAULTS.steps, show_default=True, help="Batches in an epoch.")
@click.option("--pairs", type=click.IntRange(8), default=DEFAULTS.n_pairs, show_default=True, help="Pairs in a batch.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=DEFAULTS.learning_rate,
    show_default=True,
    help="Learning rate at most.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "mixed_bfloat16"]),
    default=DEFAULTS.precision,
    show_default=True,
    help="What the network computes in; bfloat16 is faster on GPUs, and on processors with AVX-512 BF16.",
)
@click.option(
    "--start", metavar="DIR", type=PATH, help="Begin with the best weights of an earlier training, in its folder."
)
@click.option(
    "--hop",
    type=click.Choice(["0.25", "0.5", "0.625", "1"]),
    default=f"{CONTRASTIVE.hop_s:g}",
    show_default=True,
    help="Seconds from one stored fragment of a song to the next; a query's are half as far apart, or less.",
)
@click.option(
    "--dim",
    type=click.IntRange(1, EMBEDDING_DIM),
    default=CONTRASTIVE.dim,
    show_default=True,
    help="Dimensions of an embedding; of a wider network to begin with, the principal ones.",
)
@click.option(
    "--widths",
    nargs=4,
    type=click.IntRange(1),
    default=DEFAULTS.widths,
    show_default=True,
    help="Filters of the network's four stages.",
)
@click.option(
    "--chunks",
    type=click.IntRange(1),
    default=DEFAULTS.n_chunks,
    show_default=True,
    help="Degraded pieces of 16 s.",
)
@click.option(
    "--transpose",
    metavar="SEMITONES",
    type=float,
    multiple=True,
    help="Train on each song played so much higher, too, as another song; all at least 2 apart; may be repeated.",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0.01, 0.5),
    default=DEFAULTS.held_out_share,
    show_default=True,
    help="Share of files kept from training, half of them for validation and half for a test.",
)
@click.option(
    "--trial",
    type=click.IntRange(1),
    default=DEFAULTS.trial_size,
    show_default=True,
    help="Validation's queries a condition.",
)
@click.option(
    "--without",
    multiple=True,
    type=click.Choice([part.name for part in fields(Recipe)]),
    help="Leave a part of the recipe out, to see what it is worth; may be repeated.",
)
@click.option("--preview", metavar="N", type=click.IntRange(1), help="Only write N augmented examples to hear and see.")
@WORKERS
@PER_CELL
@SEED
@CREDITS
def contrastive(
    music: tuple[Path, ...],
    noise: tuple[Path, ...],
    ir: tuple[Path, ...],
    out: Path,
    bank: Path | None,
    epochs: int,
    average: int,
    steps: int,
    pairs: int,
    rate: float,
    precision: str,
    start: Path | None,
    hop: str,
    dim: int,
    widths: tuple[int, int, int, int],
    chunks: int,
    transpose: tuple[float, ...],
    held_out: float,
    trial: int,
    without: tuple[str, ...],
    preview: int | None,
    workers: int | None,
    recordings: int,
    seed: int,
    credits_: Path | None,
) -> None:
    """Train an encoder of one-second fragments to know a song again through noise, rooms and telephones.

    \b
    songradar train contrastive ~/Music --noise ~/noise --ir ~/responses --out runs/mine
    songradar encoders add runs/mine

    Which files are held out is decided by their names alone; validation.txt and test.txt list them. Run it again after
    an interruption: it goes on after the last whole epoch. --preview 8 writes eight examples of the chain that songs
    are heard through, each as two WAV files and a picture, and trains nothing.
    """
    from songradar import train  # TensorFlow, which help does without
    from songradar.ml.training.contrastive.material import Folders

    if any(abs(one - other) < 2 for one, other in combinations((0, *transpose), 2)):
        raise click.UsageError("--transpose: less than 2 semitones apart, a song counts as the same")
    spec = replace(CONTRASTIVE, hop_s=float(hop), query_hop_s=query_hop_s(float(hop)), dim=dim)
    folders = Folders(music, noise, ir)
    config = ContrastiveConfig(
        widths=widths, n_pairs=pairs, steps=steps, epochs=epochs, n_averaged=average, n_chunks=chunks,
        transpositions=transpose, learning_rate=rate, precision=precision, held_out_share=held_out, trial_size=trial,
        seed=seed, recipe=Recipe(**dict.fromkeys(without, False)),
    )  # fmt: skip
    publication = train.Publication(recordings, read_credits(credits_))
    bank, workers = bank or out / "bank", workers or usable_cores()
    with Watching() as watching:
        if preview:
            train.preview_contrastive(folders, spec, config, out, bank, preview, workers, watching)
        else:
            train.train_contrastive(folders, spec, config, out, bank, start, publication, workers, watching)
    if preview:
        click.echo(f"{out}: {preview} examples to hear and see")
    else:
        click.echo(f"{out}: encoder ready; add it with songradar encoders add {out}")


def query_hop_s(hop_s: float) -> float:
    """The hop of queries: the hop of songs divided by the smallest whole number that makes it at most QUERY_HOP_S."""
    return hop_s / math.ceil(hop_s / QUERY_HOP_S)
