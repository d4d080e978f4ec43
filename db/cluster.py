"""A cluster: a proxy and its shards, each a database with a whole schema. Which shard has a song, its SHA-256 says."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import class_row

from songradar.db.connection import HEAD, Server, connect, is_proxy, revision
from songradar.db.errors import ShardUnfit

SLOTS = 256
"""A song is in the slot that the first byte of its SHA-256 says, and each slot is one shard's."""

MOST = 64
"""Shards that a cluster may have; db/sql/shard_v1/shard_join_v1.sql says why."""

FOREIGN = ("songs", "encodings", "fragments")
"""The tables of shards that the proxy reads."""

_SHARDS = """
    SELECT s.number, s.url, (SELECT count(*) FROM songradar.slots AS p WHERE p.shard = s.number) AS slots
      FROM songradar.shards AS s
     ORDER BY s.number
"""

_HOME = """
    SELECT s.url, p.moving_from
      FROM songradar.slots AS p
      JOIN songradar.shards AS s ON s.number = p.shard
     WHERE p.slot = %s
"""

_HOLDS = "SELECT EXISTS (SELECT FROM songradar.songs), EXISTS (SELECT FROM songradar.encoders)"

_HIGHEST = "SELECT coalesce(max(id), 0) FROM songradar.songs"


@dataclass(frozen=True)
class Shard:
    """A database with songs, which has `slots` of the slots."""

    number: int
    url: str
    slots: int = 0

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


def add_shard(proxy: psycopg.Connection, url: str) -> Shard:
    """Let the database at `url`, whose schema is this program's, be another shard. The first one has all slots.

    It may have no songs and no encoders yet. Raises ShardUnfit.
    """
    with proxy.transaction():
        proxy.execute("LOCK TABLE songradar.shards IN SHARE ROW EXCLUSIVE MODE")
        known = shards(proxy)
        shard = Shard(len(known), url)
        if len(known) == MOST:
            raise ShardUnfit(f"the cluster has {MOST} shards already, and cannot have more")
        if url in [other.url for other in known]:
            raise ShardUnfit(f"{shard.address} is a shard of the cluster already")
        with connect(shard.server) as connection:
            _check_fit(connection, shard)
            beyond = proxy.execute(_HIGHEST).fetchone()
            connection.execute("SELECT songradar.shard_join_v1(%s, %s)", [shard.number, beyond and beyond[0]])
        _enter(proxy, shard)
        proxy.execute("SELECT songradar.share_encoders_v1(ARRAY[%s], NULL)", [shard.number])
    return shards(proxy)[-1]


def _check_fit(connection: psycopg.Connection, shard: Shard) -> None:
    if is_proxy(connection):
        raise ShardUnfit(f"{shard.address} is a proxy, and shards are catalogues")
    if revision(connection) != HEAD:
        raise ShardUnfit(f"the schema of {shard.address} is at {revision(connection)}, and this program needs {HEAD}")
    if connection.execute(_HOLDS).fetchone() != (False, False):
        raise ShardUnfit(f"{shard.address} has songs or encoders of its own: songradar export takes them along")


def _enter(proxy: psycopg.Connection, shard: Shard) -> None:
    """Let the proxy ask the shard, by PL/Proxy and through foreign tables."""
    known = {key: str(value) for key, value in conninfo_to_dict(shard.url).items() if value is not None}
    proxy.execute(
        "INSERT INTO songradar.shards (number, url, conninfo) VALUES (%s, %s, %s)",
        [shard.number, shard.url, make_conninfo(**known)],
    )
    proxy.execute("INSERT INTO songradar.slots SELECT n, 0, NULL FROM generate_series(0, %s) AS n"
                  " ON CONFLICT DO NOTHING", [SLOTS - 1])  # fmt: skip
    proxy.execute("UPDATE songradar.cluster SET version = version + 1")
    login = {key: known.pop(key) for key in ("user", "password") if key in known}
    login |= {} if "password" in login else {"password_required": "false"}
    name = sql.Identifier(f"songradar_shard_{shard.number}")
    server = known | {"use_remote_estimate": "true", "async_capable": "true", "fetch_size": "10000"}
    proxy.execute(
        sql.SQL("CREATE SERVER {} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({})").format(name, _in_sql(server))
    )
    proxy.execute(sql.SQL("CREATE USER MAPPING FOR PUBLIC SERVER {} OPTIONS ({})").format(name, _in_sql(login)))
    for table in FOREIGN:
        proxy.execute(
            sql.SQL(
                "CREATE FOREIGN TABLE songradar.{} () INHERITS (songradar.{}) SERVER {} OPTIONS (table_name {})"
            ).format(sql.Identifier(f"{table}_{shard.number}"), sql.Identifier(table), name, sql.Literal(table))
        )


def _in_sql(options: dict[str, str]) -> sql.Composed:
    pairs = (sql.SQL("{} {}").format(sql.Identifier(key), sql.Literal(value)) for key, value in options.items())
    return sql.SQL(", ").join(pairs)


@contextmanager
def home_of(connection: psycopg.Connection, sha256: bytes) -> Iterator[psycopg.Connection]:
    """The database that has, or is to have, the song with these bytes: this one, or one of its shards."""
    if not is_proxy(connection):
        yield connection
        return
    row = connection.execute(_HOME, [sha256[0]]).fetchone()
    assert row is not None
    with connect(Server(row[0], origin="shard")) as home:
        yield home


@contextmanager
def everywhere(connection: psycopg.Connection) -> Iterator[list[psycopg.Connection]]:
    """All databases that have songs: this one, or its shards."""
    if not is_proxy(connection):
        yield [connection]
        return
    with ExitStack() as stack:
        yield [stack.enter_context(connect(shard.server)) for shard in shards(connection)]
