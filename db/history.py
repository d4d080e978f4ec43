"""What was searched and scanned, as it is kept: pages of rows, the newest first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

_SEARCHES = """
    SELECT q.id AS search_id, q.searched_at, q.query, q.duration_s, e.name AS encoder,
           coalesce(found.matched, false) AS matched, coalesce(found.matches, '[]') AS matches, q.timings_ms
      FROM songradar.searches AS q
      LEFT JOIN songradar.encoders AS e ON e.id = q.encoder_id
     CROSS JOIN LATERAL (
           SELECT bool_or(m.accepted) AS matched,
                  json_agg(json_build_object(
                      'rank', m.rank, 'song_id', m.song_id, 'title', s.title, 'artist', s.artist, 'album', s.album,
                      'offset_s', m.offset_s, 'score', m.score, 'coverage', m.coverage, 'confidence', m.confidence,
                      'accepted', m.accepted) ORDER BY m.rank) AS matches
             FROM songradar.matches AS m
             JOIN songradar.songs AS s ON s.id = m.song_id
            WHERE m.search_id = q.id
           ) AS found
     WHERE %(search_id)s::bigint IS NULL OR q.id = %(search_id)s
     ORDER BY q.id DESC
     LIMIT %(limit)s OFFSET %(offset)s
"""

_SCANS = """
    SELECT c.id AS scan_id, c.recording, c.scanned_at, c.began_at, c.finished_at, c.scanned_s, c.duration_s,
           e.name AS encoder, c.options,
           (SELECT count(*) FROM songradar.plays AS p WHERE p.scan_id = c.id AND p.title IS NOT NULL) AS plays
      FROM songradar.scans AS c
      LEFT JOIN songradar.encoders AS e ON e.id = c.encoder_id
     WHERE %(scan_id)s::bigint IS NULL OR c.id = %(scan_id)s
     ORDER BY c.id DESC
     LIMIT %(limit)s OFFSET %(offset)s
"""

_PLAYS_WHERE = """
      FROM songradar.plays_v1 AS p
     WHERE (%(scan_id)s::bigint IS NULL OR p.scan_id = %(scan_id)s)
       AND (%(song_id)s::integer IS NULL OR p.song_id = %(song_id)s)
       AND (%(recording)s::text IS NULL OR p.recording = %(recording)s)
       AND (%(since)s::timestamptz IS NULL OR p.ended_at > %(since)s)
       AND (%(until)s::timestamptz IS NULL OR p.started_at < %(until)s)
"""

_PLAYS = f"""
    SELECT p.play_id, p.scan_id, p.recording, p.start_s, p.end_s, p.song_id, p.title, p.artist, p.song_start_s,
           p.song_end_s, p.speed, p.confidence, p.coverage, p.n_fragments, p.started_at, p.ended_at
    {_PLAYS_WHERE}
     ORDER BY coalesce(p.started_at, p.scanned_at), p.scan_id, p.start_s, p.play_id
     LIMIT %(limit)s OFFSET %(offset)s
"""

_N_PLAYS = f"SELECT count(*) {_PLAYS_WHERE}"

Row = dict[str, Any]


def searches(connection: psycopg.Connection, limit: int, offset: int = 0) -> tuple[list[Row], int]:
    """Kept searches with their candidates, and how many searches there are in all."""
    found = _rows(connection, _SEARCHES, {"search_id": None, "limit": limit, "offset": offset})
    return found, _count(connection, "SELECT count(*) FROM songradar.searches")


def search(connection: psycopg.Connection, search_id: int) -> Row | None:
    """One of them; None where there is none of that number."""
    found = _rows(connection, _SEARCHES, {"search_id": search_id, "limit": 1, "offset": 0})
    return found[0] if found else None


def scans(connection: psycopg.Connection, limit: int | None, offset: int = 0) -> tuple[list[Row], int]:
    """Scans, the newest first, all of them without `limit`, each with the number of its songs; how many there are."""
    found = _rows(connection, _SCANS, {"scan_id": None, "limit": limit, "offset": offset})
    return found, _count(connection, "SELECT count(*) FROM songradar.scans")


def scan(connection: psycopg.Connection, scan_id: int) -> Row | None:
    """One of them; None where there is none of that number."""
    found = _rows(connection, _SCANS, {"scan_id": scan_id, "limit": 1, "offset": 0})
    return found[0] if found else None


def plays(
    connection: psycopg.Connection,
    limit: int,
    offset: int = 0,
    scan_id: int | None = None,
    song_id: int | None = None,
    recording: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[list[Row], int]:
    """Playings in order of their time, and how many there are in all.

    Those of one scan, of one song or in one recording; and those that are heard between two moments, which only
    recordings have of which it is known when they began.
    """
    chosen = {"scan_id": scan_id, "song_id": song_id, "recording": recording, "since": since, "until": until}
    found = _rows(connection, _PLAYS, chosen | {"limit": limit, "offset": offset})
    return found, _count(connection, _N_PLAYS, chosen)


def digest_of_scan(connection: psycopg.Connection, scan_id: int) -> bytes | None:
    """SHA-256 of the file that was scanned; None for a stream."""
    row = connection.execute("SELECT sha256 FROM songradar.scans WHERE id = %s", [scan_id]).fetchone()
    return bytes(row[0]) if row and row[0] is not None else None


def is_scanned(connection: psycopg.Connection, recording: str) -> bool:
    """Whether some scan is kept of a recording that is called so."""
    row = connection.execute("SELECT FROM songradar.scans WHERE recording = %s LIMIT 1", [recording]).fetchone()
    return row is not None


def remove_scan(connection: psycopg.Connection, scan_id: int) -> bool:
    """Remove a scan with its playings; whether there was one of that number."""
    return connection.execute("DELETE FROM songradar.scans WHERE id = %s", [scan_id]).rowcount > 0


def _rows(connection: psycopg.Connection, statement: str, values: Mapping[str, object]) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()


def _count(connection: psycopg.Connection, statement: str, values: Mapping[str, object] | None = None) -> int:
    row = connection.execute(statement, values).fetchone()
    assert row is not None
    return int(row[0])
