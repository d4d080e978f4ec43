"""songradar ingest: fill the catalogue."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from songradar.catalogue import Catalogue
from songradar.cli.options import PATH, WORKERS
from songradar.cli.output import note, print_json, warn
from songradar.cli.progress import progress, stages
from songradar.ingest import FileOutcome, IngestOptions, Tally, tend_index
from songradar.ingest import ingest as ingest_files

ALWAYS = ("added", "already there", "failed")
SELDOM = ("replaced", "moved", "removed")


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PATH)
@WORKERS
@click.option("--encoder", metavar="NAME", help="Encode with this encoder instead of the active one.")
@click.option("--collection", metavar="NAME", help="Part of the catalogue that new songs go into.")
@click.option("--prune", is_flag=True, help="Remove the songs below PATHs whose files are gone.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each file, and a summary as the last.")
def ingest(
    paths: tuple[Path, ...],
    workers: int | None,
    encoder: str | None,
    collection: str | None,
    prune: bool,
    as_json: bool,
) -> None:
    """Add the songs in PATHs, files or folders, to the catalogue.

    \b
    songradar ingest ~/Music
    songradar ingest --workers 4 /srv/radio/archive new-jingle.wav

    Run it again at any time: files that are there already are skipped, moved ones are followed, changed ones replaced.
    Exit code 0: all went well; 1: some file failed (each is named on stderr); 2: the command could not run; 130: it was
    interrupted, and what was done stays.
    """
    with Catalogue.open() as catalogue:
        options = IngestOptions(workers, encoder, collection, prune, tend_index=False)
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


def report(outcomes: Iterable[FileOutcome], label: str, tally: Tally, *, as_json: bool = False) -> None:
    """Tell outcomes as they come: failures, progress, JSON."""
    with progress(label) as advance:
        for outcome in outcomes:
            tally.add(outcome)
            advance(outcome.duration_s, outcome.source, outcome.total)
            if outcome.outcome == "failed":
                warn(f"{outcome.source}: {outcome.reason}")
            if as_json:
                record = {"source": outcome.source, "outcome": outcome.outcome}
                if outcome.reason:
                    record["reason"] = outcome.reason
                heard = {"duration_s": outcome.duration_s, "fragments": outcome.fragments}
                print_json(record | (heard if outcome.fragments else {}))


def build_index(catalogue: Catalogue, encoder: str | None) -> None:
    """Build the index again where the catalogue has outgrown it."""
    name = catalogue.encoder(encoder).name
    with stages(f"index of {name}") as tell:
        tend_index(catalogue, name, on_progress=tell)


def print_summary(tally: Tally, *, as_json: bool = False) -> None:
    """What was done and how fast."""
    if not as_json:
        click.echo(summary(tally))
        return
    counts = {key: tally.counts[key] for key in ("added", "replaced", "moved", "removed", "already there", "failed")}
    extent = {"hours": round(tally.audio_s / 3600, 4), "fragments": tally.fragments}
    pace = {"seconds": round(tally.seconds, 2), "hours_per_minute": round(tally.speed / 60, 2)}
    print_json({"summary": counts | extent | pace})


def summary(tally: Tally) -> str:
    """What was done and how fast, for people."""
    shown = (*ALWAYS, *(key for key in SELDOM if tally.counts[key]))
    counts = ", ".join(f"{tally.counts[key]} {key}" for key in shown)
    if not tally.audio_s:
        return f"{counts} ({tally.seconds:.1f} s)"
    extent = f"{tally.audio_s / 3600:.2f} h of audio, {tally.fragments} fragments"
    pace = f"{tally.speed:.0f} x real time, {tally.speed / 60:.1f} h of audio a minute"
    return f"{counts}\n{extent} in {tally.seconds:.1f} s: {pace}"
