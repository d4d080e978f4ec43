"""What the catalogue holds and what it costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from songradar.db import indexing
from songradar.db.cluster import everywhere
from songradar.db.connection import Server, version_of

_STATISTICS = """
    SELECT (SELECT count(*) FROM songradar.songs) AS songs,
           (SELECT coalesce(sum(n_fragments), 0) FROM songradar.encodings)::bigint AS fragments,
           (SELECT coalesce(sum(duration_s), 0) / 3600 FROM songradar.songs) AS hours,
           (SELECT count(*) FROM songradar.searches) AS searches,
           coalesce(sum(pg_table_size(t.relid)), 0)::bigint AS bytes_heap,
           coalesce(sum(pg_indexes_size(t.relid)), 0)::bigint AS bytes_index,
           coalesce(sum(pg_total_relation_size(t.relid)), 0)::bigint AS bytes_total,
           coalesce(sum(u.n_dead_tup), 0)::bigint AS dead_tuples,
           (sum(io.heap_blks_hit + io.idx_blks_hit)
            / nullif(sum(io.heap_blks_hit + io.idx_blks_hit + io.heap_blks_read + io.idx_blks_read), 0)
           )::double precision AS cache_hit_rate
      FROM pg_partition_tree('songradar.fragments') AS t
      JOIN pg_stat_all_tables AS u ON u.relid = t.relid
      JOIN pg_statio_all_tables AS io ON io.relid = t.relid
     WHERE t.isleaf
"""

_VERSIONS = """
    SELECT split_part(current_setting('server_version'), ' ', 1), extversion FROM pg_extension WHERE extname = 'vector'
"""

MANY_DEAD = 0.2
"""Share of dead rows from which clearing up is advised; PostgreSQL's own autovacuum begins there."""

SELDOM_CACHED = 0.9
"""Share of blocks found in PostgreSQL's cache below which a larger cache is advised."""


RECOMMENDED_PGVECTOR = (0, 8, 3)
"""The oldest pgvector advised on PostgreSQL 18; earlier versions were not made for it."""


@dataclass(frozen=True)
class Statistics:
    """Sizes are of the fragments of all encoders: heap, indexes, and both.

    `dead_tuples` are rows removed or replaced whose space is not free yet; `cache_hit_rate` is the share of blocks
    found in PostgreSQL's own cache since its statistics began, None before any was read.
    """

    songs: int
    fragments: int
    hours: float
    searches: int
    bytes_heap: int
    bytes_index: int
    bytes_total: int
    dead_tuples: int
    cache_hit_rate: float | None


_ADD_UP = ("songs", "fragments", "hours", "bytes_heap", "bytes_index", "bytes_total", "dead_tuples")


def statistics(connection: psycopg.Connection) -> Statistics:
    """Count and measure, in a cluster on all shards; searches are kept by the proxy.

    Fragments are not counted but summed from `songradar.encodings`, a row a song.
    """
    with everywhere(connection) as databases:
        found = [_of_one(database) for database in databases]
    if len(found) == 1:
        return found[0]
    sums = {name: sum(getattr(one, name) for one in found) for name in _ADD_UP}
    n_searches = connection.execute("SELECT count(*) FROM songradar.searches").fetchone()
    assert n_searches is not None
    return Statistics(**sums, searches=n_searches[0], cache_hit_rate=None)


def _of_one(connection: psycopg.Connection) -> Statistics:
    with connection.cursor(row_factory=class_row(Statistics)) as cursor:
        found = cursor.execute(_STATISTICS).fetchone()
    assert found is not None
    return found


def advice(
    connection: psycopg.Connection, server: Server, found: Statistics, indexes: Sequence[indexing.CodeIndex]
) -> list[str]:
    """What its owner might do for the catalogue and its `indexes`, a sentence each."""
    memory = indexing.memory_for_building(connection, server)
    said = [
        f"the index of {index.encoder} has lists of {index.rows // index.lists} fragments, which searches must look"
        f" through: songradar db reindex makes them {index.rows // index.lists_wanted(memory)}"
        for index in indexes
        if index.is_mine and index.is_outgrown(memory)
    ]
    if found.dead_tuples > MANY_DEAD * max(found.fragments, 1):
        said.append(f"{found.dead_tuples} removed fragments still take space: songradar db reindex frees it")
    row = connection.execute("SELECT pg_size_bytes(current_setting('shared_buffers'))").fetchone()
    assert row is not None
    if found.cache_hit_rate is not None and found.cache_hit_rate < SELDOM_CACHED and found.bytes_total > row[0]:
        said.append(
            f"{found.cache_hit_rate:.0%} of blocks come from PostgreSQL's cache of {row[0] >> 20} MiB, and fragments"
            f" take {found.bytes_total >> 20} MiB: a larger shared_buffers would hold more of them"
        )
    postgresql, pgvector = versions(connection)
    if version_of(postgresql) >= (18,) and version_of(pgvector) < RECOMMENDED_PGVECTOR:
        wanted = ".".join(map(str, RECOMMENDED_PGVECTOR))
        said.append(f"pgvector {pgvector} on PostgreSQL {postgresql}: {wanted} or later is recommended there")
    return said


def versions(connection: psycopg.Connection) -> tuple[str, str]:
    """(PostgreSQL's version, pgvector's version), those of a shard in a cluster."""
    with everywhere(connection) as databases:
        row = databases[0].execute(_VERSIONS).fetchone()
    assert row is not None
    return row[0], row[1]
