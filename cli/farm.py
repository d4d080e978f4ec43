"""songradar farm: ingest with many machines."""

import sys
from collections import Counter
from collections.abc import Iterable

import click

from songradar.catalogue import Catalogue
from songradar.cli.options import JSON
from songradar.cli.output import counted, note, print_json, warn
from songradar.cli.reporting import print_summary, report
from songradar.environment import mapped_paths
from songradar.outcomes import Tally


@click.group()
def farm() -> None:
    """Add songs with many machines."""


@farm.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--encoder", metavar="NAME", help="Encode with this encoder instead of the active one.")
@click.option("--collection", metavar="NAME", help="Part of the catalogue that new songs go into.")
@click.option("--skip-duplicates", is_flag=True, help="Leave out files whose recording is there in another file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each file.")
def enqueue(
    paths: tuple[str, ...], encoder: str | None, collection: str | None, skip_duplicates: bool, as_json: bool
) -> None:
    """Give the songs in PATHs, files, folders, or addresses (http, https, s3), to the farm.

    \b
    songradar farm enqueue /srv/music
    songradar farm enqueue --collection archive s3://archive/1959/

    Run it again at any time: files that the catalogue knows already, and that wait in the farm already, are left out.
    A folder of a bucket ends with a slash.

    Exit code 0: all went well; 1: some PATH cannot be read (each is named on stderr); 2: the command could not run.
    """
    from songradar.farm.giving import FarmOptions
    from songradar.farm.giving import enqueue as give

    counts: Counter[str] = Counter()
    with Catalogue.open() as catalogue:
        for one in give(catalogue, paths, FarmOptions(encoder, collection, skip_duplicates)):
            counts[one.state] += 1
            if one.reason:
                warn(f"{one.source}: {one.reason}")
            if as_json:
                print_json({name: value for name, value in vars(one).items() if value is not None})
    if not as_json:
        click.echo(summary(counts, ("enqueued", "already there", "already waiting", "failed")))
    sys.exit(1 if counts["failed"] else 0)


@farm.command()
@click.option("--concurrency", metavar="N", type=click.IntRange(1), help="Jobs at once [all usable cores].")
@click.option("--drain", is_flag=True, help="End when all jobs are done, by whomever [wait for more].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each file, and a summary as the last.")
def work(concurrency: int | None, drain: bool, as_json: bool) -> None:
    """Work for the farm, on any machine that sees its files.

    \b
    songradar farm work
    SONGRADAR_PATHS=/srv/music=/mnt/music songradar farm work --concurrency 8

    As many as you like may work at once, and each may be stopped or killed at any moment: others go on with its files,
    none of which is lost or done twice. A database that goes away is waited for.

    Exit code 0: all jobs are done (--drain); 1: some file failed (each is named on stderr); 2: it cannot work here;
    130: it was interrupted.
    """
    from songradar.farm.work import WorkOptions
    from songradar.farm.work import work as work_for

    tally = Tally()
    with Catalogue.open() as catalogue:
        try:
            outcomes = work_for(catalogue, WorkOptions(concurrency, drain, mapped_paths()), note)
            report(outcomes, "working", tally, as_json=as_json)
        except KeyboardInterrupt:
            print_summary(tally, as_json=as_json)
            note("interrupted: others go on with what is left")
            sys.exit(130)
    print_summary(tally, as_json=as_json)
    sys.exit(1 if tally.counts["failed"] else 0)


@farm.command()
@JSON
def status(as_json: bool) -> None:
    """Tell what waits in the farm, who works, and what was done.

    \b
    songradar farm status
    songradar farm status --json
    """
    from songradar.farm.giving import status as status_of

    with Catalogue.open() as catalogue:
        found = status_of(catalogue)
    if as_json:
        print_json({"files": found.states, "outcomes": found.outcomes, "queue": vars(found.queue)})
        return
    click.echo(f"{counted(found.queue.workers, 'worker')}, {jobs(found.queue.jobs_working, found.queue.jobs_waiting)}")
    click.echo(summary(found.states, found.states))
    if found.outcomes:
        click.echo(f"of these: {summary(found.outcomes, found.outcomes)}")


def jobs(working: int, waiting: int) -> str:
    return f"{counted(working, 'job')} in work, {waiting} waiting"


def summary(counts: "Counter[str] | dict[str, int]", names: Iterable[str]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in names)
