"""Long recordings: the songs they are compared with, and what is kept of scans and their playings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

_FRAGMENTS = "SELECT position, embedding FROM songradar.fragments WHERE encoder_id = %s AND song_id = %s"

_SONGS = "SELECT id, title, artist, source, duration_s, isrc, mbid::text FROM songradar.songs WHERE id = ANY (%s)"

_BEGIN = """
    INSERT INTO songradar.scans (recording, sha256, began_at, encoder_id, options)
    VALUES (%s, %s, %s, %s, %s)
    RETURNING id, recording, scanned_s
"""

# What makes two scans two of the same thing beside the recording: what was asked for, less the stretch that was heard.
# Ends may differ by SLACK_S, since encoders with other sample rates count other samples.
_STRETCHES = """
    SELECT c.id, c.recording, c.sha256, c.began_at, c.finished_at, c.duration_s,
           c.options - 'from_s' - 'to_s' AS choice,
           coalesce((c.options ->> 'from_s')::double precision, 0) AS from_s,
           least((c.options ->> 'to_s')::double precision, c.duration_s) AS to_s
      FROM songradar.scans AS c
"""

_REPLACE = f"""
    DELETE FROM songradar.scans AS c
     USING ({_STRETCHES}) AS old, ({_STRETCHES}) AS new
     WHERE c.id = old.id AND new.id = %(scan_id)s AND old.id <> new.id AND old.finished_at IS NOT NULL
       AND old.sha256 = new.sha256 AND old.began_at IS NOT DISTINCT FROM new.began_at AND old.choice = new.choice
       AND old.from_s >= new.from_s - %(slack_s)s AND old.to_s <= new.to_s + %(slack_s)s
    RETURNING c.id, c.recording, c.scanned_s
"""

_ENCLOSING = f"""
    SELECT old.id
      FROM ({_STRETCHES}) AS old
     CROSS JOIN LATERAL (
           SELECT %(from_s)s::double precision AS from_s, least(%(to_s)s::double precision, old.duration_s) AS to_s
           ) AS new
     WHERE old.finished_at IS NOT NULL AND old.sha256 = %(sha256)s
       AND old.began_at IS NOT DISTINCT FROM %(began_at)s::timestamptz AND old.choice = %(choice)s
       AND new.from_s >= old.from_s - %(slack_s)s AND new.to_s <= old.to_s + %(slack_s)s
       AND new.to_s - new.from_s < old.to_s - old.from_s - %(slack_s)s
     ORDER BY old.id DESC
     LIMIT 1
"""

_UNFINISHED = """
    SELECT id, recording, scanned_s
      FROM songradar.scans
     WHERE finished_at IS NULL AND sha256 = %s AND encoder_id = %s AND options = %s
       AND began_at IS NOT DISTINCT FROM %s::timestamptz
     ORDER BY id DESC
     LIMIT 1
"""

_KEEP = """
    INSERT INTO songradar.plays (scan_id, start_s, end_s, song_id, title, artist, song_start_s, song_end_s, speed,
                                 confidence, coverage, n_fragments)
    SELECT %(scan_id)s, %(start_s)s, %(end_s)s, (SELECT s.id FROM songradar.songs AS s WHERE s.id = %(song_id)s),
           %(title)s, %(artist)s, %(song_start_s)s, %(song_end_s)s, %(speed)s, %(confidence)s, %(coverage)s,
           %(n_fragments)s
     WHERE NOT EXISTS (SELECT FROM songradar.plays AS p
                        WHERE p.scan_id = %(scan_id)s AND p.start_s = %(start_s)s AND p.end_s = %(end_s)s
                          AND p.title IS NOT DISTINCT FROM %(title)s::text)
"""

_FINISH = "UPDATE songradar.scans SET finished_at = now(), duration_s = %s WHERE id = %s"

SLACK_S = 0.1
"""How much further an end of a stretch may lie and still count as the same, in seconds."""


@dataclass(frozen=True)
class SongOfScan:
    """What a report says of a song."""

    id: int
    title: str
    artist: str | None
    source: str
    duration_s: float
    isrc: str | None
    mbid: str | None


@dataclass(frozen=True)
class StoredScan:
    """A scan: its number, the recording, and up to where its playings are kept."""

    id: int
    recording: str
    scanned_s: float


def read_fragments(
    connection: psycopg.Connection, encoder_id: int, song_id: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Positions (n,) of a song's fragments, in hops from its start, and their embeddings (n, 64)."""
    rows = connection.execute(_FRAGMENTS, [encoder_id, song_id], binary=True).fetchall()
    positions = np.array([position for position, _ in rows], np.int64)
    # A proxy, which has no pgvector, hands on the texts of embeddings.
    vectors = [HalfVector.from_text(e) if isinstance(e, str) else e for _, e in rows]
    embeddings = np.array([vector.to_numpy() for vector in vectors], np.float32)
    return positions, embeddings.reshape(-1, 64)


def read_songs(connection: psycopg.Connection, numbers: Sequence[int]) -> dict[int, SongOfScan]:
    """What is known of songs, by number; those removed meanwhile are missing."""
    with connection.cursor(row_factory=class_row(SongOfScan)) as cursor:
        return {song.id: song for song in cursor.execute(_SONGS, [list(numbers)])}


def begin(
    connection: psycopg.Connection,
    recording: str,
    sha256: bytes | None,
    began_at: datetime | None,
    encoder_id: int,
    options: Mapping[str, Any],
) -> StoredScan:
    """Keep that a scan begins."""
    with connection.cursor(row_factory=class_row(StoredScan)) as cursor:
        values = [recording, sha256, began_at, encoder_id, Jsonb(dict(options))]
        begun = cursor.execute(_BEGIN, values).fetchone()
    assert begun is not None
    return begun


def unfinished(
    connection: psycopg.Connection,
    sha256: bytes,
    began_at: datetime | None,
    encoder_id: int,
    options: Mapping[str, Any],
) -> StoredScan | None:
    """The same scan where it was broken off, if it was."""
    with connection.cursor(row_factory=class_row(StoredScan)) as cursor:
        return cursor.execute(_UNFINISHED, [sha256, encoder_id, Jsonb(dict(options)), began_at]).fetchone()


def enclosing(
    connection: psycopg.Connection, sha256: bytes, began_at: datetime | None, options: Mapping[str, Any]
) -> int | None:
    """Number of a finished scan, by whatever encoder, that tells the stretch which these options ask for, and more."""
    choice = {name: value for name, value in options.items() if name not in ("from_s", "to_s")}
    stretch = {"from_s": options.get("from_s", 0.0), "to_s": options.get("to_s")}
    values = {"sha256": sha256, "began_at": began_at, "choice": Jsonb(choice), "slack_s": SLACK_S}
    row = connection.execute(_ENCLOSING, stretch | values).fetchone()
    return None if row is None else int(row[0])


def keep(
    connection: psycopg.Connection,
    scan_id: int,
    plays: Sequence[Mapping[str, Any]],
    scanned_s: float,
) -> None:
    """Keep playings, and that those up to `scanned_s` are all there; what is kept already is not kept twice."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(_KEEP, [dict(play) | {"scan_id": scan_id} for play in plays])
        cursor.execute("UPDATE songradar.scans SET scanned_s = %s WHERE id = %s", [scanned_s, scan_id])


def finish(
    connection: psycopg.Connection,
    scan_id: int,
    plays: Sequence[Mapping[str, Any]],
    scanned_s: float,
    duration_s: float | None,
) -> list[StoredScan]:
    """Keep the last playings of a scan, and how long the recording is, if that is known.

    Returns the earlier scans that are removed, since this one takes their place: finished scans of the same file that
    began at the same time, by whatever encoder, in which the same was asked for of no more than this stretch.
    """
    with connection.transaction(), connection.cursor(row_factory=class_row(StoredScan)) as cursor:
        keep(connection, scan_id, plays, scanned_s)
        cursor.execute(_FINISH, [duration_s, scan_id])
        return cursor.execute(_REPLACE, {"scan_id": scan_id, "slack_s": SLACK_S}).fetchall()


def plays_of(connection: psycopg.Connection, scan_id: int) -> list[dict[str, Any]]:
    """The playings that are kept of a scan, in order."""
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM songradar.plays WHERE scan_id = %s ORDER BY start_s, id", [scan_id]
        ).fetchall()
