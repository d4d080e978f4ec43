"""songradar status: where the catalogue is and what is in it."""

import click

from songradar.catalogue import Catalogue
from songradar.cli.options import JSON
from songradar.cli.output import counted, print_json, warn
from songradar.status import advised
from songradar.status import status as facts_of


@click.command()
@JSON
def status(as_json: bool) -> None:
    """Tell where the catalogue is, what is in it, and which encoder is active.

    \b
    songradar status
    """
    with Catalogue.open() as catalogue:
        facts = facts_of(catalogue)
        sentences = advised(catalogue)
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        if key != "songs_not_encoded":
            click.echo(f"{key:<12}{'none yet: ingest brings the shipped one' if value is None else value}")
    if "songs_not_encoded" in facts:
        left, encoder = counted(facts["songs_not_encoded"], "song"), facts["encoder"]
        warn(f"advice: {left} cannot be found by encoder {encoder}: songradar encoders reencode {encoder}")
    for sentence in sentences:
        warn(f"advice: {sentence}")
