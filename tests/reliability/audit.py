"""What a catalogue holds, song by song, what answers it gives, and what should not be there."""

import hashlib
import zipfile
from pathlib import Path
from typing import Any, TypeAlias

from songradar.db import search
from songradar.db.errors import CatalogueEmpty
from songradar.db.search import Question
from songradar.db.verify import check_indexes, check_rows
from songradar.ml.encoder import Fingerprint
from tests.reliability.house import House

Contents: TypeAlias = dict[str, str]
"""Each thing that is there, and a digest of it."""

Asked: TypeAlias = dict[str, list[Fingerprint]]
"""Recordings, as each encoder hears them."""

Answers: TypeAlias = list[tuple[str, float, bool] | None]

SCHEMA = "SELECT to_regnamespace('songradar') IS NOT NULL"

SONGS = """
    SELECT e.name || ' of ' || s.title,
           md5(s.sha256 || (SELECT string_agg(int4send(f.position) || halfvec_send(f.embedding), '' ORDER BY f.position)
                              FROM songradar.fragments AS f
                             WHERE f.encoder_id = e.id AND f.song_id = s.id))
      FROM songradar.songs AS s
      LEFT JOIN songradar.encodings AS n ON n.song_id = s.id
      LEFT JOIN songradar.encoders AS e ON e.id = n.encoder_id
     UNION ALL
    SELECT 'the song ' || s.title, encode(s.sha256, 'hex') FROM songradar.songs AS s
     UNION ALL
    SELECT 'encoder ' || e.name, encode(e.sha256, 'hex') FROM songradar.encoders AS e
"""

REVISION = """
    SELECT v.version_num, (SELECT string_agg(p.oid::regprocedure::text, ' ' ORDER BY p.oid::regprocedure::text)
                             FROM pg_proc AS p WHERE p.pronamespace = 'songradar'::regnamespace)
      FROM songradar.alembic_version AS v
"""

PLAYS = """
    SELECT p.title, p.start_s, p.end_s
      FROM songradar.plays AS p
     WHERE p.scan_id = (SELECT max(id) FROM songradar.scans)
     ORDER BY p.start_s, p.end_s
"""

LEFT_OVER = """
    SELECT 'advisory lock ' || l.objid FROM pg_locks AS l WHERE l.locktype = 'advisory'
     UNION ALL
    SELECT 'index ' || x.indexrelid::regclass
      FROM pg_index AS x
      JOIN pg_class AS i ON i.oid = x.indexrelid
     WHERE i.relnamespace = 'songradar'::regnamespace AND (NOT x.indisvalid OR i.relname ~ '_cc(new|old)')
     UNION ALL
    SELECT 'partition ' || c.relname
      FROM pg_class AS c
      LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
     WHERE c.relnamespace = 'songradar'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^fragments_[0-9]+$'
       AND (i.inhparent IS NULL OR i.inhdetachpending
            OR NOT EXISTS (SELECT FROM songradar.encoders AS e WHERE c.relname = 'fragments_' || e.id))
     UNION ALL
    SELECT 'unfinished scan ' || id FROM songradar.scans WHERE finished_at IS NULL
"""


def contents(house: House) -> Contents:
    """The songs by each encoder, the schema, the files that were written."""
    with house.connect() as connection:
        connection.execute("SET search_path = pg_catalog, songradar, public")
        found = dict(connection.execute(SONGS).fetchall())
        found["schema"] = digest(repr(connection.execute(REVISION).fetchone()).encode())
    return found | {path.name: archived(path) for path in house.written.glob("*.songradar")}


def archived(path: Path) -> str:
    """What is in a ZIP archive, less what pg_dump puts its time into; "damaged" where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                return "damaged"
            return digest(b"".join(archive.read(name) for name in archive.namelist() if not name.endswith(".dump")))
    except zipfile.BadZipFile:
        return "damaged"


def digest(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def torn(found: Contents, before: Contents, after: Contents) -> list[str]:
    """What is neither as it was before the command nor as it is after it."""
    return [
        f"{name} is {'absent' if name not in found else 'neither old nor new'}"
        for name in sorted({*found, *before, *after})
        if found.get(name) not in (before.get(name), after.get(name))
    ]


def plays(house: House) -> list[tuple[Any, ...]]:
    """What was played when, as the last scan has told."""
    with house.connect() as connection:
        return connection.execute(PLAYS).fetchall()


def answers(house: House, asked: Asked) -> Answers:
    """The best answer of the active encoder to each recording: title, offset, whether it is accepted."""
    found: Answers = []
    with house.connect() as connection:
        encoder = search.read_encoder(connection)
        try:
            search.check_not_empty(connection, encoder)
        except CatalogueEmpty:
            return found
        for heard in asked[encoder.name]:
            question = Question(encoder.id, heard.embeddings, heard.offsets_s, limit=1, exact=True)
            best = search.find_matches(connection, question)
            found.append((best[0].title, round(best[0].offset_s, 2), best[0].accepted) if best else None)
    return found


def left_over(house: House) -> list[str]:
    """Locks, indexes, partitions, rows and files that nobody should find."""
    with house.connect() as connection:
        found = [what for (what,) in connection.execute(LEFT_OVER)]
        found += [fault for check in (check_rows, check_indexes) for fault in check(connection).faults]
    found += [str(path) for path in house.temporary.iterdir()]
    found += [str(path) for path in house.written.iterdir() if path.suffix != ".songradar"]
    return found + [str(path) for path in house.home.iterdir() if path.name not in ("postgres", "server.lock")]
