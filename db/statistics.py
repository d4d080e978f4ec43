"""What the catalogue holds and what it costs."""

from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

_STATISTICS = """
    SELECT (SELECT count(*) FROM songradar.songs) AS songs,
           (SELECT count(*) FROM songradar.fragments) AS fragments,
           (SELECT coalesce(sum(duration_s), 0) / 3600 FROM songradar.songs) AS hours,
           (SELECT count(*) FROM songradar.searches) AS searches,
           coalesce(sum(pg_table_size(t.relid)), 0)::bigint AS bytes_heap,
           coalesce(sum(pg_indexes_size(t.relid)), 0)::bigint AS bytes_index,
           coalesce(sum(pg_total_relation_size(t.relid)), 0)::bigint AS bytes_total
      FROM pg_partition_tree('songradar.fragments') AS t
     WHERE t.isleaf
"""


@dataclass(frozen=True)
class Statistics:
    """Sizes are of the fragments of all encoders: heap, indexes, and both."""

    songs: int
    fragments: int
    hours: float
    searches: int
    bytes_heap: int
    bytes_index: int
    bytes_total: int


def statistics(connection: psycopg.Connection) -> Statistics:
    """Count and measure; exact, so it reads every fragment's index entry once."""
    with connection.cursor(row_factory=class_row(Statistics)) as cursor:
        found = cursor.execute(_STATISTICS).fetchone()
    assert found is not None
    return found


def versions(connection: psycopg.Connection) -> tuple[str, str]:
    """(PostgreSQL's version, pgvector's version)."""
    row = connection.execute(
        "SELECT split_part(current_setting('server_version'), ' ', 1), extversion"
        " FROM pg_extension WHERE extname = 'vector'"
    ).fetchone()
    assert row is not None
    return row[0], row[1]
