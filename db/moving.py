"""Songs go from one database of a cluster to another, with their numbers and fragments, as they are."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psycopg
from psycopg import sql

from songradar.db.cluster import shards
from songradar.db.connection import connect, is_proxy

GRACE_S = 30.0
"""How long a song stays where it was, at most, for statements that were begun when it was nowhere else."""

SLOT_LOCK = 714_628
"""Who stores a song holds the shared advisory lock of this number and the song's slot, in the proxy."""

_COLUMNS = """
    SELECT attname FROM pg_attribute
     WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     ORDER BY attnum
"""

_THERE = "SELECT id FROM songradar.songs WHERE id = ANY (%s)"

_ENCODERS = "SELECT DISTINCT encoder_id FROM songradar.encodings WHERE song_id = ANY (%s) ORDER BY encoder_id"

_HOME = "SELECT p.shard FROM songradar.slots AS p WHERE p.slot = %s"

_KNOWN = "SELECT id FROM songradar.songs WHERE sha256 = %s OR source = %s AND host = %s"

_OLDER = """
    SELECT EXISTS (SELECT FROM pg_stat_activity AS a
                    WHERE a.datname = current_database() AND a.state = 'active' AND a.query_start < %s
                      AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
                      AND a.wait_event_type IS DISTINCT FROM 'Lock')
"""


def copy_songs(source: psycopg.Connection, target: psycopg.Connection, numbers: Sequence[int]) -> None:
    """Let `target` have these songs of `source`, too, in one transaction; those that it has already are left alone."""
    there = {number for (number,) in target.execute(_THERE, [list(numbers)])}
    wanted = [number for number in numbers if number not in there]
    with target.transaction():
        for table, key in (("songs", "id"), ("encodings", "song_id")):
            _copy_rows(source, target, table, key, wanted, table)
        for (encoder,) in source.execute(_ENCODERS, [wanted]).fetchall():
            # COPY fills no table that has policies, but a partition.
            _copy_rows(source, target, f"fragments_{encoder}", "song_id", wanted, "fragments")


def _copy_rows(
    source: psycopg.Connection,
    target: psycopg.Connection,
    table: str,
    key: str,
    numbers: Sequence[int],
    columns_of: str,
) -> None:
    """The rows of a table whose `key` is one of `numbers`."""
    of = sql.Identifier("songradar", table)
    names = [name for (name,) in source.execute(_COLUMNS, [f"songradar.{columns_of}"])]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    out = sql.SQL("COPY (SELECT {} FROM {} WHERE {} = ANY ({})) TO STDOUT (FORMAT binary)").format(
        columns, of, sql.Identifier(key), sql.Literal(list(numbers))
    )
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(of, columns)
    with source.cursor().copy(out) as rows, target.cursor().copy(into) as copy:
        for block in rows:
            copy.write(block)


def move_songs(
    proxy: psycopg.Connection, source: psycopg.Connection, target: psycopg.Connection, numbers: Sequence[int]
) -> None:
    """Move songs between shards of a cluster, so that every search finds them once, whenever it began.

    They are on both shards until the statements have ended that may have asked the one before they came, and would ask
    the other after they went. Broken off, it may be done again.
    """
    copy_songs(source, target, numbers)
    _wait_for_older(proxy)
    source.execute("DELETE FROM songradar.songs WHERE id = ANY (%s)", [list(numbers)])


def _wait_for_older(proxy: psycopg.Connection) -> None:
    """Until the statements of others have ended that run now in the proxy, or for GRACE_S."""
    row = proxy.execute("SELECT clock_timestamp()").fetchone()
    deadline = time.monotonic() + GRACE_S
    while proxy.execute(_OLDER, row).fetchone() == (True,) and time.monotonic() < deadline:
        time.sleep(0.02)
        proxy.execute("SELECT pg_stat_clear_snapshot()")  # in a transaction, what others do is read once


@contextmanager
def home_of(connection: psycopg.Connection, sha256: bytes, source: str, host: str) -> Iterator[psycopg.Connection]:
    """The database that has, or is to have, the song with these bytes: this one, or one of its shards.

    A song that is known by these bytes or by this file, but on another shard, is moved there first: it is still to be
    moved as shards were added, or the file had other bytes.
    """
    if not is_proxy(connection):
        yield connection
        return
    with ExitStack() as stack:
        stack.enter_context(connection.transaction())
        connection.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [SLOT_LOCK, sha256[0]])
        row = connection.execute(_HOME, [sha256[0]]).fetchone()
        opened = {shard.number: stack.enter_context(connect(shard.server)) for shard in shards(connection)}
        home = opened.pop(row[0]) if row else None
        assert home is not None, "a cluster with songs has shards"
        for other in opened.values():
            numbers = [number for (number,) in other.execute(_KNOWN, [sha256, source, host])]
            if numbers:
                move_songs(connection, other, home, numbers)
        yield home
