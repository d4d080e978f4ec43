"""songradar db: the schema, the server, and a way in for psql."""

import os
import shutil
import subprocess
import sys
from dataclasses import asdict

import click

from cli.backup import backup, restore
from cli.output import counted, percent, print_json, size, warn


@click.group("db")
def database() -> None:
    """Look after the database."""


database.add_command(backup)
database.add_command(restore)


@database.command()
@click.argument("revision", default="head")
@click.option("--sql", "as_sql", is_flag=True, help="Print the SQL instead of running it.")
def upgrade(revision: str, as_sql: bool) -> None:
    """Bring the schema up to REVISION [head]. The embedded database does this by itself.

    \b
    DATABASE_URL=postgresql://songradar@db.example/music songradar db upgrade
    songradar db upgrade --sql > upgrade.sql
    """
    from db import schema

    if as_sql:
        click.echo(schema.script(revision), nl=False)
        return
    schema.upgrade(revision)
    click.echo(f"schema is at {schema.current()}")


@database.command()
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
def downgrade(revision: str, yes: bool) -> None:
    """Take the schema back to REVISION; `base` removes all of it, and all songs.

    \b
    songradar db downgrade base --yes
    """
    from db import schema

    if not yes:
        click.confirm(f"Go back to {revision} and lose what only newer revisions can hold?", abort=True, err=True)
    schema.downgrade(revision)
    click.echo(f"schema is at {schema.current() or 'base'}")


@database.command()
def status() -> None:
    """Tell which revision the schema is at; exit code 1 when it is not the newest.

    \b
    songradar db status
    """
    from db import schema
    from db.engine import HEAD

    current = schema.current()
    newest = "the newest" if current == HEAD else f"this program needs {HEAD}"
    click.echo(f"schema is at {current or 'base'}, {newest}")
    sys.exit(0 if current == HEAD else 1)


@database.command()
def history() -> None:
    """List the schema's revisions, oldest first.

    \b
    songradar db history
    """
    from db import schema

    for revision, what in schema.history():
        click.echo(f"{revision}  {what}")


@database.command("grant")
@click.argument("role")
@click.option("--read", "write", flag_value=False, type=bool, default=False, help="Search, and read everything [this].")
@click.option("--write", "write", flag_value=True, type=bool, help="Also ingest, remove songs and keep searches.")
def let(role: str, write: bool) -> None:
    """Let ROLE of the same PostgreSQL use the catalogue, now and after upgrades of the schema.

    \b
    songradar db grant radio
    songradar db grant archive --write

    Nobody but the owner of the schema changes encoders or the schema itself.
    """
    from db.engine import connect
    from db.sharing import grant

    with connect() as connection:
        grant(connection, role, write=write)
    click.echo(f"{role} may {'read and write' if write else 'read'}")


@database.command("revoke")
@click.argument("role")
def forbid(role: str) -> None:
    """Take from ROLE all that `grant` gave.

    \b
    songradar db revoke radio
    """
    from db.engine import connect
    from db.sharing import revoke

    with connect() as connection:
        revoke(connection, role)
    click.echo(f"{role} may nothing")


@database.command(context_settings={"ignore_unknown_options": True})
@click.option("--url", is_flag=True, help="Print the database's URL instead, for any other client.")
@click.argument("arguments", metavar="[PSQL OPTIONS]", nargs=-1, type=click.UNPROCESSED)
def psql(url: bool, arguments: tuple[str, ...]) -> None:
    """Open psql on the catalogue.

    \b
    songradar db psql
    songradar db psql -c 'SELECT * FROM matches_v1 ORDER BY searched_at DESC LIMIT 5'
    """
    from db import embedded
    from db.engine import connect, database_url, for_programs, is_embedded

    if url:
        click.echo(database_url())
        return
    connect().close()  # a new catalogue has its tables before anybody looks
    bundled = str(embedded.program("psql"))
    program = bundled if is_embedded() else shutil.which("psql") or bundled
    where, environment = for_programs(database_url())
    environment["PGOPTIONS"] = f"{os.environ.get('PGOPTIONS', '')} -c search_path=songradar,public".strip()
    sys.exit(subprocess.run([program, where, *arguments], env=environment, check=False).returncode)


@database.command()
@click.option("--encoder", metavar="NAME", help="Only the fragments of this encoder [of all].")
def reindex(encoder: str | None) -> None:
    """Free what removed songs took and build the index again, while searches go on.

    \b
    songradar db reindex

    `songradar db stats` says when that is worth while. It may be interrupted: the old index stays until the new one is
    whole.
    """
    from cli.output import stages
    from db.engine import connect
    from db.indexing import indexes, tidy

    with connect() as connection:
        found = indexes(connection, encoder)
    for index in found:
        with stages(f"index of {index.encoder}") as tell:
            lists = tidy(index, tell)
        click.echo(f"{index.encoder}: {index.rows} fragments in {counted(lists, 'list')}")


@database.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON object, sizes in bytes.")
def stats(as_json: bool) -> None:
    """Count songs, fragments and hours, and say what they cost.

    \b
    songradar db stats --json
    """
    from db.engine import connect
    from db.indexing import indexes
    from db.statistics import advice, statistics

    with connect() as connection:
        found = statistics(connection)
        of_encoders = indexes(connection)
        advised = advice(connection, found, of_encoders)
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
def stop() -> None:
    """Stop the embedded server; the next command starts it again.

    \b
    songradar db stop
    """
    from db import embedded
    from db.engine import is_embedded
    from db.errors import NotEmbedded

    if not is_embedded():
        raise NotEmbedded("DATABASE_URL is set: songradar does not stop a server that is not its own")
    click.echo("stopped" if embedded.stop(embedded.home()) else "was not running")
