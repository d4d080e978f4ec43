"""Make the catalogues of old revisions that are not there yet: `python -m tests.db.eras.make`.

It creates the schema at a revision, fills it with rows that this revision can hold, asks it for a song, and dumps the
database. So a catalogue is made once, when its revision is new, and never again.
"""

import gzip
import subprocess
import tempfile
from pathlib import Path

import psycopg

from songradar.db import embedded, schema
from songradar.db.connection import Server

FOLDER = Path(__file__).parent

# Ten songs of thirty fragments, whose embeddings are far from each other, and a calibration that is sure of a match.
ROWS = """
    INSERT INTO songradar.encoders (name, sha256, spec, calibration, onnx, active)
    VALUES ('era', sha256('era'), '{"kind": "era", "hop_s": 0.5, "query_hop_s": 0.25, "fragment_s": 1.0}',
            '{"fragments": [1, 16], "intercept": [-4.0, -2.0], "lead": [8.0, 16.0], "peak": [1.0, 3.0],
              "threshold": [0.9, 0.7]}', 'no network', true);
    SELECT songradar.add_partition_v1(1);
    INSERT INTO songradar.songs (title, artist, collection, duration_s, source, host, sha256, size_bytes, modified_at)
    SELECT 'Song ' || n, 'The Eras', CASE WHEN n > 5 THEN 'late' END, 16, '/music/' || n, 'here',
           sha256(n::text::bytea), 1, '2026-01-01'
      FROM generate_series(1, 10) AS n;
    INSERT INTO songradar.fragments (encoder_id, song_id, position, embedding)
    SELECT 1, s.id, p, {embedding}
      FROM songradar.songs AS s CROSS JOIN generate_series(0, 29) AS p;
    INSERT INTO songradar.encodings (encoder_id, song_id, n_fragments) SELECT 1, id, 30 FROM songradar.songs;
    INSERT INTO songradar.searches (query, duration_s, encoder_id) VALUES ('bar.wav', 4, 1);
    INSERT INTO songradar.matches (search_id, rank, song_id, offset_s, score, coverage, confidence, accepted)
    VALUES (1, 1, 7, 5, 0.9, 1, 0.99, true);
"""
SCANS = """
    INSERT INTO songradar.scans (recording, encoder_id) VALUES ('radio.wav', 1);
    INSERT INTO songradar.plays (scan_id, start_s, end_s, song_id, title, n_fragments)
    VALUES (1, 0, 60, 7, 'Song 7', 200);
"""
EMBEDDING = """
    (SELECT array_agg(CASE WHEN hashtext(s.id || '/' || p || '/' || d) > 0 THEN 0.125 ELSE -0.125 END ORDER BY d
                     )::public.halfvec
       FROM generate_series(1, 64) AS d)
"""
"""Of length 1; signs alone, so that a file of them is small."""

ANSWERS = """
    SELECT m.rank, m.song_id, m.offset_s, m.score, m.confidence, m.accepted
      FROM (SELECT array_agg(f.embedding ORDER BY f.position) AS query,
                   array_agg((f.position - 10) * 0.5::real ORDER BY f.position)::real[] AS offsets
              FROM songradar.fragments AS f
             WHERE f.song_id = 7 AND f.position BETWEEN 10 AND 17) AS asked
     CROSS JOIN LATERAL songradar.match_v1(1, asked.query, asked.offsets) AS m
     ORDER BY m.rank
"""
"""The recording of eight fragments of a song, and what it is answered with."""


def file_of(revision: str) -> Path:
    return FOLDER / f"{revision}.sql.gz"


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="songradar-eras-"))
    url = embedded.start(home)
    known = [revision for revision, _ in schema.history()]
    try:
        for n, revision in enumerate(known):
            if not file_of(revision).exists():
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(f"CREATE DATABASE era_{n}")
                of_era = url.replace(f"/{embedded.DATABASE}?", f"/era_{n}?")
                fill(of_era, revision, has_scans=n >= known.index("20261126_scans"))
                dumped = subprocess.run(
                    [embedded.program("pg_dump"), "--inserts", "--no-owner", "--no-privileges", of_era],
                    check=True, capture_output=True,
                ).stdout  # fmt: skip
                # Lines with a backslash are psql's own.
                lines = (line for line in dumped.splitlines(keepends=True) if not line.startswith((b"\\", b"--")))
                file_of(revision).write_bytes(gzip.compress(b"".join(lines), mtime=0))
    finally:
        embedded.stop(home)


def fill(url: str, revision: str, *, has_scans: bool) -> None:
    schema.upgrade(Server(url), revision)
    with psycopg.connect(url) as connection:
        connection.execute(ROWS.replace("{embedding}", EMBEDDING))
        if has_scans:
            connection.execute(SCANS)
        connection.execute(f"CREATE TABLE public.answers AS {ANSWERS}")


if __name__ == "__main__":
    main()
