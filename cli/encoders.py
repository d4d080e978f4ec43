"""songradar encoders: which networks the catalogue knows, and which one it uses."""

import sys
from pathlib import Path

import click

from songradar import encoders as use_cases
from songradar.catalogue import Catalogue
from songradar.cli.options import JSON, PATH, WORKERS, YES
from songradar.cli.output import confirm_removal, counted, note, print_json, print_table, size, warn
from songradar.cli.reporting import build_index, print_summary, report
from songradar.db.store import NOWHERE
from songradar.outcomes import Tally
from songradar.records import of_encoder

NAME = click.argument("name", metavar="NAME")


@click.group()
def encoders() -> None:
    """Add, choose, export and remove encoders."""


@encoders.command("list")
@JSON
def list_encoders(as_json: bool) -> None:
    """List the encoders of the catalogue; the active one has a star.

    \b
    songradar encoders list
    """
    with Catalogue.open() as catalogue:
        found = use_cases.summaries(catalogue)
    if as_json:
        for encoder in found:
            print_json(of_encoder(encoder))
        return
    rows = [
        ("*" if e.active else "", e.name, e.kind, e.songs, e.fragments, size(e.onnx_bytes), e.created_at.date())
        for e in found
    ]
    print_table(("", "name", "kind", "songs", "fragments", "network", "added"), rows)


@encoders.command("add")
@click.argument("folder", metavar="DIR", type=PATH)
@click.option("--name", help="Name in the catalogue [name of the folder].")
def add(folder: Path, name: str | None) -> None:
    """Add the encoder that `songradar train` left in DIR, or one that comes with songradar, by its name.

    \b
    songradar encoders add runs/my-encoder
    songradar encoders add siamese
    """
    with Catalogue.open() as catalogue:
        name, is_new = use_cases.add(catalogue, folder, name)
    click.echo(f"{name}: {'added' if is_new else 'already there'}")


@encoders.command("use")
@NAME
def use(name: str) -> None:
    """Let ingestion and search use encoder NAME.

    \b
    songradar encoders use contrastive
    """
    with Catalogue.open() as catalogue:
        left = use_cases.use(catalogue, name)
    click.echo(f"{name} is active")
    if left:
        warn(f"{counted(left, 'song')} not encoded by it cannot be found: songradar encoders reencode {name}")


@encoders.command("remove")
@NAME
@YES
def remove(name: str, yes: bool) -> None:
    """Remove encoder NAME and every fragment it made; the songs stay.

    \b
    songradar encoders remove siamese --yes
    """
    with Catalogue.open() as catalogue:
        if not yes:
            confirm_removal(f"encoder {name} and all its fragments")
        n_fragments = use_cases.remove(catalogue, name)
    click.echo(f"{name}: removed with {n_fragments} fragments")


@encoders.command("reencode")
@NAME
@WORKERS
def reencode(name: str, workers: int | None) -> None:
    """Encode the whole catalogue with encoder NAME, then let searches use it.

    \b
    songradar encoders add runs/better
    songradar encoders reencode better
    songradar encoders remove contrastive

    Searches go on with the active encoder until every song is done; then one transaction switches. Interrupted, it goes
    on where it was. Songs whose files are gone or on another machine keep it from switching (exit code 1): remove them,
    or switch all the same with `songradar encoders use NAME`.
    """
    with Catalogue.open() as catalogue:
        tally = Tally()
        report(use_cases.reencode(catalogue, name, workers), "encoding", tally)
        build_index(catalogue, name)
        print_summary(tally)
        left = use_cases.unencoded(catalogue, name)
        for file in left:
            if file.host == NOWHERE:
                note(
                    f"{file.source}: came from another catalogue, without its file; ingest the file to have it encoded"
                )
            elif file.host != catalogue.host:
                note(f"{file.source}: is on {file.host}; run this there, too")
        if left:
            warn(f"{counted(len(left), 'song')} not encoded by {name}, so searches do not use it yet")
            sys.exit(1)
        use_cases.use(catalogue, name)
    click.echo(f"{name} is active")


@encoders.command("export")
@NAME
@click.option("-o", "--out", metavar="DIR", type=PATH, help="Where to write [NAME].")
def export(name: str, out: Path | None) -> None:
    """Write encoder NAME to a folder, as `encoders add` reads it.

    \b
    songradar encoders export contrastive -o /tmp/contrastive
    """
    folder = out or Path(name)
    with Catalogue.open() as catalogue:
        use_cases.export(catalogue, name, folder)
    click.echo(f"{name}: written to {folder}")
