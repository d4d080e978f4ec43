"""songradar cluster: a catalogue on several databases."""

import sys
from typing import Any

import click

from songradar import cluster as use_cases
from songradar.catalogue import Catalogue
from songradar.cli.options import JSON
from songradar.cli.output import counted, note, print_json, size
from songradar.cli.progress import stages
from songradar.environment import environment


@click.group("cluster")
def cluster() -> None:
    """Spread a catalogue over several databases, when one machine is too small for it."""


@cluster.command()
def init() -> None:
    """Make the empty database at DATABASE_URL the proxy of a cluster; or bring a cluster's schemas up to date.

    \b
    DATABASE_URL=postgresql://songradar@proxy.example/music songradar cluster init

    Its PostgreSQL needs the extensions plproxy and postgres_fdw, and no pgvector.
    """
    n_shards = use_cases.init(environment().server)
    click.echo(f"proxy is ready, with {counted(n_shards, 'shard')}")


@cluster.command()
@click.argument("url")
def add(url: str) -> None:
    """Let the empty database at URL be another shard.

    \b
    songradar cluster add postgresql://songradar@shard1.example/music

    Its PostgreSQL needs pgvector; the schema is made. The first shard gets the songs that are ingested, others get
    theirs by `songradar cluster rebalance`.
    """
    with Catalogue.open() as catalogue:
        shard = use_cases.add(catalogue, url)
    click.echo(f"shard {shard.number}: {shard.address}, {shard.slots} of 256 slots")
    if not shard.slots:
        note("songradar cluster rebalance moves songs to it")


@cluster.command()
@JSON
def status(as_json: bool) -> None:
    """Tell what each shard holds, and which do not answer (exit code 1).

    \b
    songradar cluster status
    """
    with Catalogue.open() as catalogue:
        found = use_cases.status(catalogue)
    if as_json:
        print_json({"shards": [told(one) for one in found]})
    for one in () if as_json else found:
        holds = one.problem or f"{counted(one.songs, 'song')}, {one.fragments} fragments, {size(one.bytes)}"
        moving = f" ({one.shard.leaving} on their way elsewhere)" if one.shard.leaving else ""
        click.echo(f"shard {one.shard.number}: {one.shard.address}, {one.shard.slots} slots{moving}: {holds}")
    sys.exit(1 if any(one.problem for one in found) else 0)


def told(one: use_cases.ShardStatus) -> dict[str, Any]:
    """A shard as JSON has it; its URL may hold a password."""
    of_shard = {"number": one.shard.number, "address": one.shard.address, "slots": one.shard.slots}
    held = {"songs": one.songs, "fragments": one.fragments, "bytes": one.bytes, "problem": one.problem}
    return {**of_shard, "leaving": one.shard.leaving, **held}


@cluster.command()
def rebalance() -> None:
    """Move songs so that all shards have as many, while searches and ingestion go on.

    \b
    songradar cluster rebalance

    It may be interrupted, and goes on where it was.
    """
    n_songs = 0
    with Catalogue.open() as catalogue, stages("moving songs") as tell:
        for moved in use_cases.rebalance(catalogue):
            n_songs += moved.songs
            tell(f"to shard {moved.move.target}", 1 - moved.left / moved.slots)
    click.echo(f"{counted(n_songs, 'song')} moved; all shards have as many slots")
