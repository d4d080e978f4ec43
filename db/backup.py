"""Write a catalogue to one file and restore it, with pg_dump and pg_restore; checksums tell whether all rows arrived.

The file is a ZIP archive of `manifest.json` and `songradar.dump`, which is pg_dump's custom format, so that
PostgreSQL's own programs can read it too. Both are made from the same snapshot, so songs may be ingested meanwhile.
"""

import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import psycopg
import sqlalchemy
from psycopg.sql import SQL, Literal

from songradar.db import indexing, schema, sharing
from songradar.db.cluster import check_no_cluster
from songradar.db.connection import (
    EXTENSION_SCHEMA,
    SCHEMA,
    Server,
    connect_directly,
    revision,
)
from songradar.db.errors import BackupUnusable, DatabaseError
from songradar.db.programs import running
from songradar.db.zips import DAMAGES
from songradar.unfinished import appearing

TABLES = ("songs", "encoders", "fragments", "encodings", "searches", "matches", "settings", "scans", "plays")

SINCE = {"scans": "20261126_scans", "plays": "20261126_scans"}
"""The revisions that made the tables that the first one did not make."""

QUEUE, QUEUE_SINCE = f"{SCHEMA}_farm", "20261129_farm"
"""The schema of the farm's queue. What waits in it is not in a backup: it is not to be done twice."""

MANIFEST, DUMP = "manifest.json", "songradar.dump"
BLOCK = 1 << 20

_AS_TEXT = """
    SELECT set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true),
           set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true)
"""

_RELATIONS = (
    f"SELECT relname FROM pg_class WHERE relnamespace = '{SCHEMA}'::regnamespace AND relkind IN ('r', 'p', 'v')"
)

_ROW = {
    "fragments": (
        "concat_ws('/', r.encoder_id, r.song_id, r.position, encode({pgvector}.halfvec_send(r.embedding), 'hex'))"
    )
}
"""The text that is hashed for a row, by table. For tables that are not listed, it is the whole row as text."""

_COMPARED = SQL("""
DO $compared$
DECLARE
    n bigint;
    added_up text;
BEGIN
    {extent} INTO n, added_up;
    IF (n, added_up) IS DISTINCT FROM ({rows}::bigint, {checksum}::text) THEN
        RAISE EXCEPTION 'what came is not what it says it holds (% %)', n, {table};
    END IF;
END
$compared$;
""")

_TIMEOUT = b"SET transaction_timeout = 0;\n"
"""The line with which every script of pg_restore begins. Servers before PostgreSQL 17 do not know this setting."""


@dataclass(frozen=True)
class Extent:
    """How many rows a table has, and the sum of their hashes, whatever their order."""

    rows: int
    checksum: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: the schema's revision, the server it was made on, and each table's extent.

    `build_memory` is the memory in bytes that building its largest index takes.
    """

    revision: str
    postgresql: str
    pgvector_schema: str
    build_memory: int
    tables: dict[str, Extent]


def backup(server: Server, target: Path) -> Manifest:
    """Write the catalogue to `target`, which must not exist yet. Raises BackupUnusable, DatabaseError."""
    try:
        with appearing(target) as unfinished, connect_directly(server) as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            check_no_cluster(connection, "to back up")
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            assert row is not None
            manifest = measure(connection)
            with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(MANIFEST, json.dumps(asdict(manifest), indent=2))
                with archive.open(DUMP, "w", force_zip64=True) as dump:
                    _dump(server, connection, row[0], dump)
    except FileExistsError as error:
        raise BackupUnusable(str(error)) from error
    except OSError as error:
        raise BackupUnusable(f"{target}: cannot be written ({error.strerror})") from error
    return manifest


def restore(server: Server, source: Path) -> Manifest:
    """Restore a backup into a catalogue that is empty or does not exist yet, and check that it arrived completely.

    When it fails, the catalogue is as empty as before. Raises BackupUnusable, DatabaseError.
    """
    with opened(source) as (manifest, archive):
        if manifest.revision not in [known for known, _ in schema.history()]:
            raise BackupUnusable(f"{source}: is of revision {manifest.revision}, which takes a newer songradar")
        before = schema.current(server)
        try:
            with schema.connection_for_migrations(server) as held:  # nobody else makes the schema meanwhile
                with schema.in_words():
                    _clear(held, source, manifest)
                with connect_directly(server) as connection, archive.open(DUMP) as dump:
                    _fill(server, connection, source, dump, manifest)
        except BaseException:
            if before is not None and schema.current(server) is None:
                schema.upgrade(server, before)
            raise
    schema.upgrade(server)
    with connect_directly(server) as connection:
        sharing.share_partitions(connection)  # roles may have rights by default in what was just created
        for table in TABLES:  # its schema is the newest now
            connection.execute(f"ANALYZE {SCHEMA}.{table}".encode())
    return manifest


def _clear(held: sqlalchemy.Connection, source: Path, manifest: Manifest) -> None:
    """Remove all tables of an empty catalogue, in one transaction that keeps others from filling it.

    Raises BackupUnusable where it holds anything, and PostgreSQL's error where objects of others depend on it.
    """
    with held.begin():
        _place_extension(held, source, manifest.pgvector_schema)
        found = held.exec_driver_sql(_RELATIONS).scalars().all()
        mine = [table for table in (*TABLES, "farm_files") if table in found]
        if "alembic_version" in found and set(TABLES) - set(SINCE) <= set(mine):
            held.exec_driver_sql(f"LOCK TABLE {', '.join(f'{SCHEMA}.{table}' for table in mine)}")
            _check_empty(held, mine)
            schema.remove(held)
            found = held.exec_driver_sql(_RELATIONS).scalars().all()
        if strangers := sorted(set(found) - {"alembic_version"}):
            raise BackupUnusable(f"the schema {SCHEMA} holds {', '.join(strangers)}, which is not songradar's")
        held.exec_driver_sql(f"DROP TABLE IF EXISTS {SCHEMA}.alembic_version")


def _place_extension(held: sqlalchemy.Connection, source: Path, wanted: str) -> None:
    """Create pgvector in the schema that the backup expects. Raises BackupUnusable where it is already in another."""
    found = held.exec_driver_sql(EXTENSION_SCHEMA).scalar()
    if found is None:
        held.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {wanted}")
        held.exec_driver_sql(f"CREATE EXTENSION vector SCHEMA {wanted}")
    elif found != wanted:
        raise BackupUnusable(
            f"{source}: has pgvector in the schema {wanted}, here it is in {found}: first"
            f" CREATE SCHEMA IF NOT EXISTS {wanted}; ALTER EXTENSION vector SET SCHEMA {wanted}"
        )


def _fill(server: Server, connection: psycopg.Connection, source: Path, dump: IO[bytes], manifest: Manifest) -> None:
    """Restore into a schema that exists and holds nothing, and compare the result with the manifest."""
    try:
        _restore(server, connection, dump, manifest)
    except DatabaseError as error:
        raise BackupUnusable(f"{source}: cannot be restored: {error}") from error


def measure(connection: psycopg.Connection) -> Manifest:
    """Count the rows of all tables and add up their hashes.

    The caller runs it in a transaction with one snapshot, so that all tables are seen at the same moment.
    """
    connection.execute(_AS_TEXT)
    found = connection.execute(f"SELECT current_setting('server_version'), ({EXTENSION_SCHEMA})".encode()).fetchone()
    assert found is not None
    version, pgvector = found
    at = revision(connection) or "base"
    tables = {}
    for table in tables_at(at):
        row = connection.execute(_extent(table, pgvector).encode()).fetchone()
        assert row is not None
        tables[table] = Extent(*row)
    lists = [index.lists for index in indexing.indexes(connection)]
    memory = max((n**2 * indexing.BYTES_PER_LIST_SQUARED for n in lists), default=0)
    return Manifest(at, version, pgvector, memory, tables)


def tables_at(at: str) -> list[str]:
    """The tables of a revision; all of them for one that this program does not know."""
    return [table for table in TABLES if table not in SINCE or _reached(at, SINCE[table])]


def _reached(at: str | None, since: str) -> bool:
    """Whether a schema has what the revision `since` brings; True of one that this program does not know."""
    known = [entry for entry, _ in schema.history()]
    return at not in known or known.index(since) <= known.index(at)


def _extent(table: str, pgvector: str) -> str:
    as_text = _ROW.get(table, "r::text").format(pgvector=pgvector)
    return (
        f"SELECT count(*), coalesce(sum(hashtextextended({as_text}, 0)::numeric), 0)::text  FROM {SCHEMA}.{table} AS r"
    )


def _comparison(manifest: Manifest) -> str:
    """Statements that fail where a table holds anything else than the manifest says."""
    compared = "".join(
        _COMPARED.format(
            extent=SQL(_extent(table, manifest.pgvector_schema)),
            rows=Literal(manifest.tables[table].rows),
            checksum=Literal(manifest.tables[table].checksum),
            table=Literal(table),
        ).as_string()
        for table in manifest.tables
    )
    return f"{_AS_TEXT};{compared}"


def _check_empty(held: sqlalchemy.Connection, tables: Sequence[str]) -> None:
    """Raise BackupUnusable when the catalogue, which has these tables, holds anything."""
    tables = [table for table in ("songs", "searches", "scans", "encoders", "farm_files") if table in tables]
    counted = {table: held.exec_driver_sql(f"SELECT count(*) FROM {SCHEMA}.{table}").scalar_one() for table in tables}
    if any(counted.values()):
        found = ", ".join(f"{table} ({n})" for table, n in counted.items() if n)
        raise BackupUnusable(f"the catalogue holds {found}: restore into an empty one, with another SONGRADAR_HOME say")


@contextmanager
def opened(source: Path) -> Iterator[tuple[Manifest, zipfile.ZipFile]]:
    """Open a backup and check that it is whole, by reading every byte once before anything is changed.

    Raises BackupUnusable.
    """
    try:
        with ExitStack() as stack:
            archive = stack.enter_context(zipfile.ZipFile(source))
            stated = json.loads(archive.read(MANIFEST))
            tables = {table: Extent(**stated["tables"][table]) for table in tables_at(stated["revision"])}
            manifest = Manifest(
                stated["revision"],
                stated["postgresql"],
                stated["pgvector_schema"],
                int(stated["build_memory"]),
                tables,
            )
            if archive.testzip() is not None or DUMP not in archive.namelist():
                raise BackupUnusable(f"{source}: is damaged")
            stack.pop_all()
    except FileNotFoundError as error:
        raise BackupUnusable(f"{source}: does not exist") from error
    except (*DAMAGES, RuntimeError, KeyError, TypeError, ValueError) as error:  # RuntimeError: it is encrypted
        raise BackupUnusable(f"{source}: is no backup of songradar, or not all of one") from error
    except OSError as error:
        raise BackupUnusable(f"{source}: cannot be read ({error.strerror})") from error
    with archive:  # errors from here on do not mean that the file is damaged
        yield manifest, archive


def _dump(server: Server, connection: psycopg.Connection, snapshot: str, target: IO[bytes]) -> None:
    options = ["--format=custom", "--compress=1", "--no-owner", "--no-privileges", f"--schema={SCHEMA}"]
    options += [f"--schema={QUEUE}"] if _reached(revision(connection), QUEUE_SINCE) else []
    options += [f"--exclude-table-data={SCHEMA}.readers"]  # roles have other numbers elsewhere
    options += [f"--exclude-table-data={SCHEMA}.farm_files", f"--exclude-table-data={QUEUE}.*"]
    with running(server, connection, "pg_dump", *options, f"--snapshot={snapshot}", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        shutil.copyfileobj(process.stdout, target, BLOCK)


def _restore(server: Server, connection: psycopg.Connection, dump: IO[bytes], manifest: Manifest) -> None:
    """Run the dump and compare with the manifest, in one transaction.

    Until it commits, nobody can see the restored rows or add to them. Raises DatabaseError.
    """
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    # Building an index of many lists takes more memory than a server allows by default; twice that leaves a reserve.
    wanted = max(indexing.memory_for_building(connection, server), 2 * manifest.build_memory)
    memory = f"-c maintenance_work_mem={wanted // 1024}kB"
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with running(server, connection, "psql", *options, stdin=pipe, stdout=nowhere, settings=memory) as process:
        assert process.stdin is not None
        try:
            process.stdin.write(b"BEGIN;\n")
            if _reached(manifest.revision, QUEUE_SINCE):
                process.stdin.write(f"DROP SCHEMA IF EXISTS {QUEUE} CASCADE; CREATE SCHEMA {QUEUE};\n".encode())
            _copy_script(server, connection, dump, process.stdin)
            process.stdin.write(f"{_comparison(manifest)}\nCOMMIT;\n".encode())
            process.stdin.flush()
        except BrokenPipeError:
            pass  # psql has ended, and its exit status and message say why
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()


def _copy_script(server: Server, connection: psycopg.Connection, dump: IO[bytes], target: IO[bytes]) -> None:
    """Write the dump to `target` as an SQL script, without the setting that an older server does not know."""
    # The schema exists already, and its owner and privileges stay as they are.
    options = ["--file=-", "--no-owner", "--no-privileges", f"--schema={SCHEMA}", f"--schema={QUEUE}"]
    with (
        ThreadPoolExecutor(1) as pool,
        running(server, connection, "pg_restore", *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        feeding = pool.submit(_feed, dump, process.stdin)
        if connection.info.server_version < 170_000:
            for line in process.stdout:
                if line == _TIMEOUT:
                    break
                target.write(line)
        shutil.copyfileobj(process.stdout, target, BLOCK)
        feeding.result()


def _feed(source: IO[bytes], target: IO[bytes]) -> None:
    with suppress(BrokenPipeError):  # the program has ended, and its exit status and message say why
        shutil.copyfileobj(source, target, BLOCK)
    with suppress(BrokenPipeError):
        target.close()
