"""A database joins a cluster as another shard."""

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.json import Jsonb

from songradar.db.cluster import SLOTS, Shard, shards
from songradar.db.connection import HEAD, connect, is_proxy, revision
from songradar.db.errors import ShardUnfit

MOST = 64
"""Shards that a cluster may have; db/sql/shard_v1/shard_join_v1.sql says why."""

SILENT_MS = "10000"
"""A shard whose machine has not acknowledged anything for so long does not answer."""

FOREIGN = ("songs", "encodings", "fragments")
"""The tables of shards that the proxy reads."""

_HOLDS = "SELECT EXISTS (SELECT FROM songradar.songs) OR EXISTS (SELECT FROM songradar.encoders)"

_ENCODER = ("id", "name", "sha256", "spec", "cohort", "calibration", "metrics", "card", "onnx", "probes", "looked_at",
            "neighbours", "candidates", "sure", "active", "created_at")  # fmt: skip

_ENCODERS = f"""
    SELECT {", ".join({"cohort": "cohort::text[]"}.get(name, name) for name in _ENCODER)}
      FROM songradar.encoders ORDER BY id
"""

_ADOPT = f"""
    INSERT INTO songradar.encoders ({", ".join(_ENCODER)}) OVERRIDING SYSTEM VALUE
    VALUES ({", ".join(["%s"] * len(_ENCODER))})
"""

_NEXT_ENCODER = """
    SELECT setval(pg_get_serial_sequence('songradar.encoders', 'id'), max(id))
      FROM songradar.encoders
    HAVING count(*) > 0
"""

_SLOTS = "INSERT INTO songradar.slots SELECT n, %s, NULL FROM generate_series(0, %s) AS n ON CONFLICT DO NOTHING"


def add_shard(proxy: psycopg.Connection, url: str) -> Shard:
    """Let the database at `url`, whose schema is this program's, be another shard. The first one has all slots.

    The first one may be a catalogue with songs, whose encoders are the cluster's from then on; what was searched there
    stays there. The others may have neither songs nor encoders; they get those of the cluster. Raises ShardUnfit.
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
            # Asked through the proxy, the new shard's songs would be locked until its transaction ends.
            beyond = max(_highest(proxy), _highest(connection))
            connection.execute("SELECT songradar.shard_join_v1(%s, %s)", [shard.number, beyond])
            _enter(proxy, shard)
            for row in connection.execute(_ENCODERS) if not known else ():
                proxy.execute(_ADOPT, [Jsonb(value) if isinstance(value, dict) else value for value in row])
            proxy.execute(_NEXT_ENCODER)
        proxy.execute("SELECT songradar.share_encoders_v1(ARRAY[%s], NULL)", [shard.number])
    return shards(proxy)[-1]


def _highest(connection: psycopg.Connection) -> int:
    """The highest number of a song."""
    row = connection.execute("SELECT coalesce(max(id), 0) FROM songradar.songs").fetchone()
    assert row is not None
    return int(row[0])


def _check_fit(connection: psycopg.Connection, shard: Shard) -> None:
    if is_proxy(connection):
        raise ShardUnfit(f"{shard.address} is a proxy, and shards are catalogues")
    if revision(connection) != HEAD:
        raise ShardUnfit(f"the schema of {shard.address} is at {revision(connection)}, and this program needs {HEAD}")
    if shard.number > 0 and connection.execute(_HOLDS).fetchone() != (False,):
        raise ShardUnfit(f"{shard.address} has songs or encoders, which only the first shard of a cluster may have")


def _enter(proxy: psycopg.Connection, shard: Shard) -> None:
    """Let the proxy ask the shard, by PL/Proxy and through foreign tables."""
    where = {key: str(value) for key, value in conninfo_to_dict(shard.url).items() if value is not None}
    proxy.execute(
        "INSERT INTO songradar.shards (number, url, conninfo) VALUES (%s, %s, %s)",
        [shard.number, shard.url, make_conninfo(**{"tcp_user_timeout": SILENT_MS} | where)],
    )
    proxy.execute(_SLOTS, [shard.number, SLOTS - 1])
    proxy.execute("UPDATE songradar.cluster SET version = version + 1")
    login: dict[str, str] = {key: where.pop(key) for key in ("user", "password") if key in where}
    login |= {} if "password" in login else {"password_required": "false"}
    server = sql.Identifier(f"songradar_shard_{shard.number}")
    # With its own estimates the proxy would fetch whole tables, where it could ask a shard for a few rows.
    options = where | {"use_remote_estimate": "true", "async_capable": "true", "fetch_size": "10000"}
    create = sql.SQL("CREATE SERVER {} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({})")
    proxy.execute(create.format(server, _in_sql(options)))
    proxy.execute(sql.SQL("CREATE USER MAPPING FOR PUBLIC SERVER {} OPTIONS ({})").format(server, _in_sql(login)))
    create = sql.SQL(
        "CREATE FOREIGN TABLE {} () INHERITS (songradar.{}) SERVER {} OPTIONS (schema_name 'songradar', table_name {})"
    )
    for table in FOREIGN:
        name = sql.Identifier("songradar", f"{table}_of_shard_{shard.number}")
        proxy.execute(create.format(name, sql.Identifier(table), server, sql.Literal(table)))
    songs = sql.Identifier("songradar", f"songs_of_shard_{shard.number}")
    for trigger, events in (("announce_song_v1", "UPDATE OR DELETE"), ("forget_song_v1", "DELETE")):
        create = sql.SQL("CREATE TRIGGER {} AFTER {} ON {} FOR EACH ROW EXECUTE FUNCTION songradar.{}()")
        name = sql.Identifier(trigger)
        proxy.execute(create.format(name, sql.SQL(events), songs, name))


def _in_sql(options: dict[str, str]) -> sql.Composed:
    pairs = (sql.SQL("{} {}").format(sql.Identifier(key), sql.Literal(value)) for key, value in options.items())
    return sql.SQL(", ").join(pairs)
