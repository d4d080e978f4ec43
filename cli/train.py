"""songradar train: from a folder of music to an encoder that `songradar encoders add` takes."""

import click

from cli.train_contrastive import contrastive
from cli.train_siamese import siamese


@click.group()
def train() -> None:
    """Train an encoder on your own music. Needs pip install 'songradar[train]'."""


for command in (siamese, contrastive):
    train.add_command(command)
