"""Options that say what encoders are evaluated on, and which ones."""

from pathlib import Path

import click

from songradar import encoders
from songradar.catalogue import Catalogue
from songradar.cli.options import PATH
from songradar.ml.package import EncoderPackage, read_included, read_package

MUSIC = click.option("--music", metavar="DIR", multiple=True, type=PATH, help="Songs; may be repeated.")
DISTRACTORS = click.option(
    "--distractors", metavar="DIR", multiple=True, type=PATH, help="More songs for the catalogue, never asked for."
)
NOISE = click.option(
    "--noise", metavar="DIR", multiple=True, type=PATH, help="Recordings of noise [pink noise is made]."
)
RESPONSES = click.option(
    "--ir", metavar="DIR", multiple=True, type=PATH, help="Impulse responses; without, nothing is played in rooms."
)
ENCODERS = click.option(
    "--encoder",
    "names",
    metavar="NAME|DIR",
    multiple=True,
    help="Encoder of your catalogue, one in the package, or a folder of one; may be repeated [the shipped one].",
)
ABSENT = click.option(
    "--absent",
    type=click.FloatRange(0, 0.9),
    default=0.2,
    show_default=True,
    help="Share of songs not in the catalogue.",
)
ONLY = click.option("--only", metavar="FILE", type=PATH, help="Use only files named in FILE, one name a line.")
SEED = click.option("--seed", default=0, show_default=True, help="Seed of all that is drawn.")


def choose_encoder(name: str) -> EncoderPackage:
    """An encoder by folder, by its name in the package, or in the user's catalogue."""
    if Path(name).is_dir():
        return read_package(Path(name))
    included = read_included(name)
    if included is not None:
        return included
    with Catalogue.open() as catalogue:
        return encoders.read(catalogue, name)


def names_in(only: Path | None) -> frozenset[str] | None:
    """The names in a file, one a line; None where there is no file."""
    return frozenset(only.read_text("utf-8").splitlines()) if only else None
