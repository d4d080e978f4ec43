"""A cluster: a proxy and its shards, each a database with a whole schema. Which shard has a song, its SHA-256 says."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import class_row

from songradar.db.connection import Server, connect, is_proxy
from songradar.db.errors import NotOfClusters, ShardDown

SLOTS = 256
"""A song is in the slot that the first byte of its SHA-256 says, and each slot is one shard's."""

PING_S = 3
"""What a shard is given to say that it is there."""

_SHARDS = """
    SELECT s.number, s.url, (SELECT count(*) FROM songradar.slots AS p WHERE p.shard = s.number) AS slots,
           (SELECT count(*) FROM songradar.slots AS p WHERE p.moving_from = s.number) AS leaving
      FROM songradar.shards AS s
     ORDER BY s.number
"""

_SLOTS = """
    SELECT s.number, coalesce(array_agg(p.slot::integer) FILTER (WHERE p.slot IS NOT NULL), '{}')
      FROM songradar.shards AS s
      LEFT JOIN songradar.slots AS p ON s.number IN (p.shard, p.moving_from)
     GROUP BY s.number
"""

_BE_PATIENT = """
    SELECT set_config('statement_timeout', limits.longest_ms::text, true)
      FROM (SELECT 1000 * c.patience_s, 1000 * extract(epoch FROM current_setting('statement_timeout')::interval)
              FROM songradar.cluster AS c) AS limits (longest_ms, now_ms)
     WHERE limits.now_ms NOT BETWEEN 1 AND limits.longest_ms
"""


@dataclass(frozen=True)
class Shard:
    """A database with songs. New songs of `slots` of the slots come to it, and those of `leaving` are on their way."""

    number: int
    url: str
    slots: int = 0
    leaving: int = 0

    @property
    def server(self) -> Server:
        return Server(self.url, origin=f"shard {self.number}")

    @property
    def address(self) -> str:
        """Where it is, for people: no password."""
        known = conninfo_to_dict(self.url)
        return f"{known.get('host', 'localhost')}:{known.get('port', 5432)}/{known.get('dbname', '')}"


def shards(connection: psycopg.Connection) -> list[Shard]:
    """The shards of the cluster whose proxy this is, by number."""
    with connection.cursor(row_factory=class_row(Shard)) as cursor:
        return cursor.execute(_SHARDS).fetchall()


def slots_of_shards(connection: psycopg.Connection) -> dict[int, list[int]]:
    """The slots whose songs a shard has, by its number; one that moves is on two of them."""
    return dict(connection.execute(_SLOTS).fetchall())


@contextmanager
def everywhere(connection: psycopg.Connection) -> Iterator[list[psycopg.Connection]]:
    """All databases that have songs: this one, or its shards."""
    if not is_proxy(connection):
        yield [connection]
        return
    with ExitStack() as stack:
        yield [stack.enter_context(connect(shard.server)) for shard in shards(connection)]


def servers_with_songs(connection: psycopg.Connection, server: Server) -> list[Server]:
    """The servers of all databases that have songs: `server` itself, where this is its connection, or its shards'."""
    return [shard.server for shard in shards(connection)] if is_proxy(connection) else [server]


@contextmanager
def asking_shards(connection: psycopg.Connection) -> Iterator[None]:
    """What a proxy is asked in the block ends within the patience of its cluster.

    Raises ShardDown instead of the error in it, where a shard does not answer.
    """
    try:
        with connection.transaction():
            connection.execute(_BE_PATIENT)
            yield
    except psycopg.DatabaseError as error:
        if connection.closed:
            raise
        numbers = [shard.number for shard in shards(connection)]
        answering = [number for number in numbers if _answers(connection, number)]
        if answering == numbers:
            raise
        raise ShardDown(answering, [number for number in numbers if number not in answering]) from error


def _answers(connection: psycopg.Connection, number: int) -> bool:
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL statement_timeout = '{PING_S} s'")
            return connection.execute("SELECT songradar.answering_v1(%s)", [[number]]).fetchone() == ([number],)
    except psycopg.errors.QueryCanceled:
        return False


def check_no_cluster(connection: psycopg.Connection, what: str) -> None:
    """Raise NotOfClusters where a proxy was asked for `what`, which only single databases can do."""
    if is_proxy(connection):
        raise NotOfClusters(f"{what} a whole cluster is not possible")
