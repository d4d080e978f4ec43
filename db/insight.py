"""What was asked of a catalogue, how well it answered, and what was played: numbers for pictures."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

SPANS = {"day": ("hour", 24), "week": ("day", 7), "month": ("day", 30), "year": ("month", 12)}
"""How far back, by name: in buckets of which kind, and how many."""

MOST = 10
"""Songs that are named as the most often found, or the longest played."""

# A search is a row of matches_v1: its first candidate, or a row of NULLs where there is none.
_SINCE = """
    date_subtract(date_trunc(%(bucket)s, now(), %(zone)s), (%(n)s - 1) * ('1 ' || %(bucket)s)::interval, %(zone)s)
"""

_OVER_TIME = f"""
    SELECT bucket.at, count(m.search_id) AS searches, count(*) FILTER (WHERE m.accepted) AS matched
      FROM generate_series({_SINCE}, now(), ('1 ' || %(bucket)s)::interval, %(zone)s) AS bucket (at)
      LEFT JOIN songradar.matches_v1 AS m
             ON date_trunc(%(bucket)s, m.searched_at, %(zone)s) = bucket.at
            AND m.searched_at >= {_SINCE}
            AND coalesce(m.rank, 1) = 1
     GROUP BY bucket.at
     ORDER BY bucket.at
"""

_CONFIDENCE = f"""
    SELECT bin / 10.0::double precision AS from, (bin + 1) / 10.0::double precision AS to,
           count(*) FILTER (WHERE m.accepted) AS accepted, count(*) FILTER (WHERE NOT m.accepted) AS refused
      FROM generate_series(0, 9) AS bin
      LEFT JOIN songradar.matches_v1 AS m
             ON least(floor(m.confidence * 10), 9) = bin AND m.rank = 1 AND m.searched_at >= {_SINCE}
     GROUP BY bin
     ORDER BY bin
"""

_STAGES = f"""
    SELECT stage, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS median_ms,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms
      FROM songradar.searches AS q
     CROSS JOIN LATERAL (SELECT key AS stage, value::double precision AS ms FROM jsonb_each_text(q.timings_ms)) AS t
     WHERE q.searched_at >= {_SINCE}
     GROUP BY stage
     ORDER BY array_position(ARRAY['decode', 'encode', 'search', 'total'], stage), stage
"""

_MOST_FOUND = f"""
    SELECT song_id, title, artist, count(*) AS times
      FROM songradar.matches_v1
     WHERE accepted AND searched_at >= {_SINCE}
     GROUP BY song_id, title, artist
     ORDER BY times DESC, title, song_id
     LIMIT {MOST}
"""

_MOST_PLAYED = f"""
    SELECT song_id, title, artist, count(*) AS plays, sum(played_s) AS played_s
      FROM songradar.plays_v1
     WHERE title IS NOT NULL AND coalesce(started_at, scanned_at) >= {_SINCE}
     GROUP BY song_id, title, artist
     ORDER BY played_s DESC, title, song_id
     LIMIT {MOST}
"""


@dataclass(frozen=True)
class Insight:
    """Rows as a program or a page takes them.

    `over_time` has `at searches matched` for each `bucket` (hour, day or month) from `since` on; `confidence` has
    `from to accepted refused` for tenths of the first candidates' confidence; `stages` has `stage median_ms p95_ms`;
    `most_found` has `song_id title artist times`; `most_played` has `song_id title artist plays played_s`.
    """

    since: datetime
    bucket: str
    searches: int
    matched: int
    over_time: list[dict[str, Any]]
    confidence: list[dict[str, Any]]
    stages: list[dict[str, Any]]
    most_found: list[dict[str, Any]]
    most_played: list[dict[str, Any]]


def insight(connection: psycopg.Connection, span: str, zone: str) -> Insight:
    """What happened in the last `span` of SPANS, whose days begin at midnight in the time zone `zone`."""
    bucket, n = SPANS[span]
    values = {"bucket": bucket, "n": n, "zone": zone}

    def rows(statement: str) -> list[dict[str, Any]]:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, values).fetchall()

    over_time = rows(_OVER_TIME)
    return Insight(
        over_time[0]["at"],
        bucket,
        sum(row["searches"] for row in over_time),
        sum(row["matched"] for row in over_time),
        over_time,
        rows(_CONFIDENCE),
        rows(_STAGES),
        rows(_MOST_FOUND),
        rows(_MOST_PLAYED),
    )
