"""songradar db: the schema, the server, and a way in for psql."""

import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import click

from songradar import verify as verification
from songradar.catalogue import Catalogue
from songradar.cli.options import JSON, PATH, YES
from songradar.cli.output import counted, note, print_json, size, warn
from songradar.cli.progress import stages
from songradar.cli.watching import Watching
from songradar.db import backup as backups
from songradar.db import embedded, schema, sharing
from songradar.db.backup import Manifest
from songradar.db.connection import HEAD, connect_directly
from songradar.db.encoders import clear_orphans
from songradar.db.errors import NotEmbedded
from songradar.db.indexing import indexes, tidy
from songradar.db.programs import for_programs
from songradar.db.statistics import advice, statistics
from songradar.environment import environment
from songradar.wording import percent, shown

ONLY_YOU = (
    "the embedded server lets only its owner in, so no other role can log in there: for others, see docs/server.md"
)


@click.group("db")
def database() -> None:
    """Look after the database."""


@database.command()
@click.argument("revision", default="head")
@click.option("--sql", "as_sql", is_flag=True, help="Print the SQL instead of running it.")
def upgrade(revision: str, as_sql: bool) -> None:
    """Bring the schema up to REVISION [head]. The embedded database does this by itself.

    \b
    DATABASE_URL=postgresql://songradar@db.example/music songradar db upgrade
    songradar db upgrade --sql > upgrade.sql
    """
    if as_sql:
        click.echo(schema.script(environment().server, revision), nl=False)
        return
    server = environment().server
    schema.upgrade(server, revision)
    click.echo(f"schema is at {schema.current(server)}")


@database.command()
@click.argument("revision")
@YES
def downgrade(revision: str, yes: bool) -> None:
    """Take the schema back to REVISION; `base` removes all of it, and all songs.

    \b
    songradar db downgrade base --yes
    """
    if not yes:
        click.confirm(f"Go back to {revision} and lose what only newer revisions can hold?", abort=True, err=True)
    server = environment().server
    schema.downgrade(server, revision)
    click.echo(f"schema is at {schema.current(server) or 'base'}")


@database.command()
def status() -> None:
    """Tell which revision the schema is at; exit code 1 when it is not the newest.

    \b
    songradar db status
    """
    current = schema.current(environment().server)
    newest = "the newest" if current == HEAD else f"this program needs {HEAD}"
    click.echo(f"schema is at {current or 'base'}, {newest}")
    sys.exit(0 if current == HEAD else 1)


@database.command()
def history() -> None:
    """List the schema's revisions, oldest first.

    \b
    songradar db history
    """
    for revision, what in schema.history():
        click.echo(f"{revision}  {what}")


@database.command()
@click.argument("role")
@click.option("--read", "write", flag_value=False, type=bool, default=False, help="Search, and read everything [this].")
@click.option("--write", "write", flag_value=True, type=bool, help="Also ingest, remove songs and keep searches.")
@click.option("--collection", "collections", metavar="TEXT", multiple=True, help="Only its songs; may be repeated.")
def grant(role: str, write: bool, collections: tuple[str, ...]) -> None:
    """Let ROLE of the same PostgreSQL use the catalogue, now and after upgrades of the schema.

    \b
    songradar db grant radio
    songradar db grant archive --write
    songradar db grant label --collection classics --collection jazz

    A reader of some collections is shown no song of others, nor anything that was kept of them, and is never answered
    with one. Without --collection, ROLE sees all songs again.

    Nobody but the owner of the schema changes encoders or the schema itself.
    """
    if write and collections:
        raise click.UsageError("writers see all songs: --write and --collection exclude each other")
    with Catalogue.open() as catalogue, catalogue.connection() as connection:
        sharing.grant(connection, role, write=write, collections=collections)
        for name in sharing.empty_collections(connection, collections):
            note(f"no song is in the collection {name} yet")
    of = f" the songs in {', '.join(collections)}" if collections else ""
    click.echo(f"{role} may {'read and write' if write else 'read'}{of}")
    if catalogue.server.is_embedded:
        note(ONLY_YOU)


@database.command("revoke")
@click.argument("role")
def revoke(role: str) -> None:
    """Take from ROLE all that `grant` gave.

    \b
    songradar db revoke radio
    """
    with Catalogue.open() as catalogue, catalogue.connection() as connection:
        sharing.revoke(connection, role)
    click.echo(f"{role}: all rights revoked")


@database.command()
@click.argument("state", type=click.Choice(["on", "off"]))
def announce(state: str) -> None:
    """Tell listeners of songs and matches (NOTIFY songradar_songs, songradar_matches), or do not.

    \b
    songradar db announce off

    It is on at first. At commit, every transaction that notifies takes one lock of the whole PostgreSQL cluster, so
    many writers queue up there: where nobody listens, switch it off.
    """
    with Catalogue.open() as catalogue, catalogue.connection() as connection:
        sharing.announce(connection, on=state == "on")
    click.echo(f"announcements are {state}")


@database.command(context_settings={"ignore_unknown_options": True})
@click.option("--url", is_flag=True, help="Print the database's URL instead, for any other client.")
@click.argument("arguments", metavar="[PSQL OPTIONS]", nargs=-1, type=click.UNPROCESSED)
def psql(url: bool, arguments: tuple[str, ...]) -> None:
    """Open psql on the catalogue.

    \b
    songradar db psql
    songradar db psql -c 'SELECT * FROM matches_v1 ORDER BY searched_at DESC LIMIT 5'
    """
    server = environment().server
    if url:
        click.echo(server.url)
        return
    Catalogue.open().close()  # a new catalogue has its tables before anybody looks
    bundled = str(embedded.program("psql"))
    program = bundled if server.is_embedded else shutil.which("psql") or bundled
    where, variables = for_programs(server.url)
    variables["PGOPTIONS"] = f"{os.environ.get('PGOPTIONS', '')} -c search_path=songradar,public".strip()
    sys.exit(subprocess.run([program, where, *arguments], env=variables, check=False).returncode)


@database.command()
@click.option("--encoder", metavar="NAME", help="Only the fragments of this encoder [of all].")
def reindex(encoder: str | None) -> None:
    """Free what removed songs took and build the index again, while searches go on.

    \b
    songradar db reindex

    `songradar db stats` says when that is worth while. It may be interrupted: the old index stays until the new one is
    whole.
    """
    with Catalogue.open() as catalogue, connect_directly(catalogue.server) as connection:
        found = indexes(connection, encoder)
        clear_orphans(connection)
    for index in found:
        with stages(f"index of {index.encoder}") as tell:
            lists = tidy(catalogue.server, index, tell)
        click.echo(f"{index.encoder}: {index.rows} fragments in {counted(lists, 'list')}")


@database.command()
@JSON
def stats(as_json: bool) -> None:
    """Count songs, fragments and hours, and say what they cost.

    \b
    songradar db stats --json
    """
    with Catalogue.open() as catalogue, catalogue.connection() as connection:
        found = statistics(connection)
        of_encoders = indexes(connection)
        advised = advice(connection, catalogue.server, found, of_encoders)
    lists = {index.encoder: index.lists for index in of_encoders}
    if as_json:
        print_json({**asdict(found), "lists": lists, "advice": advised})
        return
    click.echo(f"{found.songs} songs, {found.hours:.2f} h of audio, {found.fragments} fragments")
    each = f" ({size(round(found.bytes_total / found.hours))} for an hour of audio)" if found.hours else ""
    click.echo(f"{size(found.bytes_heap)} heap + {size(found.bytes_index)} index = {size(found.bytes_total)}{each}")
    for name, n in lists.items():
        click.echo(f"index of {name}: {counted(n, 'list')}")
    hit = "" if found.cache_hit_rate is None else f", {percent(found.cache_hit_rate)} of blocks read from cache"
    click.echo(f"{found.dead_tuples} dead rows{hit}")
    click.echo(f"{found.searches} searches kept")
    for sentence in advised:
        warn(f"advice: {sentence}")


@database.command()
@click.option("--pages/--no-pages", default=None, help="Read every page of the server [only the embedded one's].")
@click.option("--files", is_flag=True, help="Also read the songs' files on this machine.")
@JSON
def verify(pages: bool | None, files: bool, as_json: bool) -> None:
    """Look for damage: pages against checksums, songs against fragments, networks and files against SHA-256.

    \b
    songradar db verify
    songradar db verify --files --json

    Searches and ingestion may go on. Exit code 0: all is well, 1: something is damaged, 2: it cannot be told.
    """
    n_faults = 0
    with Catalogue.open() as catalogue, Watching() as listen:
        for check in verification.verify(catalogue, pages=pages, files=files, listen=listen):
            n_faults += len(check.faults)
            if as_json:
                print_json({"check": check.name, "looked_at": check.looked_at, "faults": check.faults})
                continue
            click.echo(
                f"{check.name}: {check.looked_at}: {counted(len(check.faults), 'fault') if check.faults else 'ok'}"
            )
            for fault in check.faults:
                warn(shown(fault))
    sys.exit(1 if n_faults else 0)


@database.command()
def stop() -> None:
    """Stop the embedded server; the next command starts it again.

    \b
    songradar db stop
    """
    folder = environment().server.folder
    if folder is None:
        raise NotEmbedded("DATABASE_URL is set: songradar does not stop a server that is not its own")
    click.echo("stopped" if embedded.stop(folder) else "was not running")


@database.command()
@click.argument("file", metavar="FILE", type=PATH)
def backup(file: Path) -> None:
    """Write the whole catalogue to FILE: songs, fragments, encoders, searches; not the audio.

    \b
    songradar db backup catalogue.songradar

    Ingestion and searches may go on meanwhile. A FILE that is there is left alone.
    """
    with Catalogue.open() as catalogue:
        held = backups.backup(catalogue.server, file)
    click.echo(f"{shown(str(file))}: {said(held)}, {size(file.stat().st_size)}")


@database.command()
@click.argument("file", metavar="FILE", type=PATH)
def restore(file: Path) -> None:
    """Bring a backup into an empty catalogue, and check that all of it has come.

    \b
    SONGRADAR_HOME=~/second songradar db restore catalogue.songradar

    A catalogue that holds anything is left alone. What goes wrong leaves an empty one.
    """
    held = backups.restore(environment().server, file)
    click.echo(f"{shown(str(file))}: {said(held)} restored, counts and checksums equal")


def said(held: Manifest) -> str:
    rows = {table: extent.rows for table, extent in held.tables.items()}
    kinds = (("songs", "song"), ("fragments", "fragment"), ("encoders", "encoder"), ("searches", "search"))
    return ", ".join(counted(rows[table], one, table) for table, one in kinds)
