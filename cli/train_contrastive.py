"""songradar train contrastive: an encoder that names recordings made in the real world."""

import math
from dataclasses import fields, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.ingest import WORKERS
from cli.output import progress, warn
from cli.training import CREDITS, FOLDER, OUT, PER_CELL, SEED, finish, read_credits, write_encoder
from ml.spec import CONTRASTIVE, EMBEDDING_DIM, AudioSpec
from ml.training.contrastive.config import ContrastiveConfig, Recipe

if TYPE_CHECKING:
    from ml.training.contrastive.material import Folders, Side

DEFAULTS = ContrastiveConfig()
N_EXAMPLES = 256
"""Fragments that show which values the quantized network meets."""

QUERY_HOP_S = 0.3125
"""From one fragment of a query to the next, at most; a whole number of them makes a song's hop."""


@click.command()
@click.argument("music", metavar="MUSIC_DIR...", type=FOLDER, nargs=-1, required=True)
@click.option("--noise", metavar="DIR", multiple=True, required=True, type=FOLDER, help="Recordings of noise.")
@click.option(
    "--ir",
    metavar="DIR",
    multiple=True,
    required=True,
    type=FOLDER,
    help="Impulse responses; of loudspeakers and microphones where a file's name begins with device, else of rooms.",
)
@OUT
@click.option("--bank", metavar="DIR", type=FOLDER, help="Where spectrograms are kept between runs [DIR/bank].")
@click.option("--epochs", type=click.IntRange(2), default=DEFAULTS.epochs, show_default=True, help="Epochs.")
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
    "--start", metavar="DIR", type=FOLDER, help="Begin with the best weights of an earlier training, in its folder."
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
    steps: int,
    pairs: int,
    rate: float,
    precision: str,
    start: Path | None,
    hop: str,
    dim: int,
    chunks: int,
    transpose: tuple[float, ...],
    held_out: float,
    trial: int,
    without: tuple[str, ...],
    preview: int | None,
    workers: int,
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
    from ml.training.contrastive.material import Folders

    if any(abs(one - other) < 2 for one, other in combinations((0, *transpose), 2)):
        raise click.UsageError("--transpose: less than 2 semitones apart, a song counts as the same")
    hop_s = float(hop)
    spec = replace(CONTRASTIVE, hop_s=hop_s, query_hop_s=hop_s / math.ceil(hop_s / QUERY_HOP_S), dim=dim)
    folders = Folders(music, noise, ir)
    config = ContrastiveConfig(
        n_pairs=pairs, steps=steps, epochs=epochs, n_chunks=chunks, transpositions=transpose, learning_rate=rate,
        precision=precision, held_out_share=held_out, trial_size=trial, seed=seed,
        recipe=Recipe(**dict.fromkeys(without, False)),
    )  # fmt: skip
    licences = read_credits(credits_)
    bank = bank or out / "bank"
    for folder in (out, bank):
        folder.mkdir(parents=True, exist_ok=True)
    sides = decode(folders, spec, config, bank, workers)
    if preview:
        from ml.training.contrastive.preview import write_previews

        write_previews(sides[0], spec, config.recipe, preview, seed, out)
        click.echo(f"{out}: {preview} examples to hear and see")
        return
    metrics, config = train_encoder(folders, sides, spec, config, start, out, bank, workers)
    publish(folders, sides, spec, config, metrics, recordings, licences, out)


def decode(
    folders: "Folders", spec: AudioSpec, config: ContrastiveConfig, bank: Path, workers: int
) -> "tuple[Side, Side]":
    """What to train and what to validate with; what cannot be used is told."""
    from ml.training.contrastive.material import count_files, read_sides

    share = config.held_out_share
    with progress("decoding", count_files(folders, share)) as advance:
        sides = read_sides(folders, spec, share, bank, workers, advance)
    for failure in (failure for side in sides for failure in side.songs.failures):
        warn(failure)
    warn(f"{len(sides[0].songs)} songs to train on, {len(sides[1].songs)} to validate with")
    return sides


def train_encoder(
    folders: "Folders",
    sides: "tuple[Side, Side]",
    spec: AudioSpec,
    config: ContrastiveConfig,
    start: Path | None,
    out: Path,
    bank: Path,
    workers: int,
) -> tuple[dict[str, Any], ContrastiveConfig]:
    """Leave the network, its learning curves and the lists of what it has not heard in `out`.

    Gives the best epoch's measures, and the settings with those of the training that it began with.
    """
    from ml.training.checkpoints import check_settings, read_curves
    from ml.training.contrastive.fit import ancestor, best_epoch, fit, settings, turn_for_codes
    from ml.training.contrastive.material import example_fragments, names_of, render
    from ml.training.contrastive.recordings import Part
    from ml.training.export import encoder_onnx
    from ml.training.quantization import quantized

    if start:
        config = replace(config, start=ancestor(start, config.held_out_share))
    check_settings(settings(spec, config, sides[0]), out)
    for part in (Part.VALIDATION, Part.TEST):
        names = names_of(folders, config.held_out_share, part)
        (out / f"{part}.txt").write_text("".join(f"{name}\n" for name in names), "utf-8")
    with progress("rendering", config.n_chunks) as advance:
        material = render(*sides, spec, config, bank, workers, advance)
    encoder = fit(material, spec, config, out, warn, start)
    turn_for_codes(encoder, material.clean, spec)
    examples = example_fragments(sides[0], spec, N_EXAMPLES, config.seed)
    write_encoder(out, quantized(encoder_onnx(encoder, spec), examples), spec)
    rows = read_curves(out / "curves.csv")
    return {**rows[best_epoch(rows) - 1], "parameters": encoder.count_params()}, config


def publish(
    folders: "Folders",
    sides: "tuple[Side, Side]",
    spec: AudioSpec,
    config: ContrastiveConfig,
    metrics: dict[str, Any],
    recordings: int,
    licences: str,
    out: Path,
) -> None:
    """Calibrate the network in `out` on validation's files, and write its card."""
    from cli.calibrate import calibrate
    from cli.evaluate import audio_in, surroundings
    from ml.training.card import contrastive_card
    from ml.training.contrastive.material import names_of
    from ml.training.contrastive.recordings import Part

    train, validation = sides
    unheard = {part: set(names_of(folders, config.held_out_share, part)) for part in (Part.VALIDATION, Part.TEST)}
    songs = [song for song in audio_in(folders.music, None) if song.name not in unheard[Part.TEST]]
    held_out = set(validation.songs.names)  # less those that are copies of what was trained on
    around = surroundings(folders.noise, folders.responses, unheard[Part.VALIDATION])
    lengths = (1, 2, 3, 5, 10, 20)
    calibration = calibrate(out, songs, lambda song: song.name in held_out, around, lengths, recordings, config.seed)
    card = contrastive_card(out.resolve().name, spec, train.songs, config, metrics, calibration, licences)
    finish(out, metrics, calibration, card)
