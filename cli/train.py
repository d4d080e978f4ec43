"""songradar train: from a folder of music to an encoder that `songradar encoders add` takes."""

import click

from songradar.cli.main import LazyGroup

COMMANDS = {
    "siamese": ("train_siamese", "The article's Siamese network."),
    "contrastive": ("train_contrastive", "An encoder of one-second fragments for recordings made in the real world."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def train() -> None:
    """Train an encoder on your own music. Needs pip install 'songradar[train]'."""
