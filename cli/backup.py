"""songradar db backup and restore: the whole catalogue in one file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import counted, shown, size

if TYPE_CHECKING:
    from db.backup import Manifest

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("file", metavar="FILE", type=FILE)
def backup(file: Path) -> None:
    """Write the whole catalogue to FILE: songs, fragments, encoders, searches; not the audio.

    \b
    songradar db backup catalogue.songradar

    Ingestion and searches may go on meanwhile. A FILE that is there is left alone.
    """
    from db.backup import backup

    held = backup(file)
    click.echo(f"{shown(str(file))}: {said(held)}, {size(file.stat().st_size)}")


@click.command()
@click.argument("file", metavar="FILE", type=FILE)
def restore(file: Path) -> None:
    """Bring a backup into an empty catalogue, and check that all of it has come.

    \b
    SONGRADAR_HOME=~/second songradar db restore catalogue.songradar

    A catalogue that holds anything is left alone. What goes wrong leaves an empty one.
    """
    from db.backup import restore

    click.echo(f"{shown(str(file))}: {said(restore(file))} restored, counts and checksums equal")


def said(held: "Manifest") -> str:
    rows = {table: extent.rows for table, extent in held.tables.items()}
    kinds = (("songs", "song"), ("fragments", "fragment"), ("encoders", "encoder"), ("searches", "search"))
    return ", ".join(counted(rows[table], one, table) for table, one in kinds)
