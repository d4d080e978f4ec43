"""songradar ingest: fill the catalogue."""

import sys
from pathlib import Path

import click

from songradar.catalogue import Catalogue
from songradar.cli.options import PATH, WORKERS
from songradar.cli.output import note
from songradar.cli.reporting import build_index, print_summary, report
from songradar.ingest import IngestOptions
from songradar.ingest import ingest as ingest_files
from songradar.outcomes import Tally


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PATH)
@WORKERS
@click.option("--encoder", metavar="NAME", help="Encode with this encoder instead of the active one.")
@click.option("--collection", metavar="NAME", help="Part of the catalogue that new songs go into.")
@click.option("--prune", is_flag=True, help="Remove the songs below PATHs whose files are gone.")
@click.option("--skip-duplicates", is_flag=True, help="Leave out files whose recording is there in another file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each file, and a summary as the last.")
def ingest(
    paths: tuple[Path, ...],
    workers: int | None,
    encoder: str | None,
    collection: str | None,
    prune: bool,
    skip_duplicates: bool,
    as_json: bool,
) -> None:
    """Add the songs in PATHs, files or folders, to the catalogue.

    \b
    songradar ingest ~/Music
    songradar ingest --workers 4 /srv/radio/archive new-jingle.wav

    Run it again at any time: files that are there already are skipped, moved ones are followed, changed ones replaced.
    Songs that are the same recording as one that was there, in another file, are added and named on stderr; with
    --skip-duplicates, those that are there as a whole are left out.

    Exit code 0: all went well; 1: some file failed (each is named on stderr); 2: the command could not run; 130: it was
    interrupted, and what was done stays.
    """
    with Catalogue.open() as catalogue:
        options = IngestOptions(workers, encoder, collection, prune, tend_index=False, skip_duplicates=skip_duplicates)
        tally = Tally()
        try:
            report(ingest_files(catalogue, paths, options), "ingesting", tally, as_json=as_json)
        except KeyboardInterrupt:
            print_summary(tally, as_json=as_json)
            note("interrupted: what was done stays, and the same command goes on from here")
            sys.exit(130)
        build_index(catalogue, encoder)
    print_summary(tally, as_json=as_json)
    sys.exit(1 if tally.counts["failed"] else 0)
