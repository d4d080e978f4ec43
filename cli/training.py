"""What the commands of `songradar train` share."""

from pathlib import Path

import click

from songradar.cli.options import PATH
from songradar.ml.package import UNCREDITED

SEED = click.option("--seed", default=0, show_default=True, help="Seed of all that is drawn.")
CREDITS = click.option("--credits", "credits_", type=PATH, help="Text on the music's licences for the card.")
PER_CELL = click.option(
    "--recordings",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Recordings to calibrate with, of each condition and length; 0 leaves the confidence uncalibrated.",
)
OUT = click.option("--out", metavar="DIR", required=True, type=PATH, help="Where everything goes.")


def read_credits(path: Path | None) -> str:
    """The text on licences for the card. It is read before training, so that a missing file is noticed at once."""
    try:
        return path.read_text("utf-8") if path else UNCREDITED
    except OSError as error:
        raise click.UsageError(f"--credits {path}: {error.strerror}") from None
