"""Catalogues of every revision since the first: brought up to the newest, they hold and answer what they did."""

import gzip

import psycopg
import pytest

from songradar.db import schema
from songradar.db.connection import HEAD, SEARCHED
from songradar.ml.audio import read_audio
from tests import reach, synth
from tests.db.eras.make import ANSWERS, FOLDER, file_of
from tests.reach import connect

REVISIONS = [path.name.removesuffix(".sql.gz") for path in sorted(FOLDER.glob("*.sql.gz"))]
HELD = """
    SELECT (SELECT count(*) FROM songradar.songs), (SELECT count(*) FROM songradar.fragments),
           (SELECT string_agg(title || ' at ' || at, ',') FROM songradar.matches_v1 WHERE accepted)
"""


def test_there_is_a_catalogue_of_each_revision():
    assert sorted(REVISIONS) == sorted(revision for revision, _ in schema.history())


@pytest.mark.parametrize("revision", REVISIONS)
def test_catalogue_of_a_revision_answers_the_same_after_its_upgrade(revision, empty_database):
    with psycopg.connect(empty_database) as connection:
        connection.execute(gzip.decompress(file_of(revision).read_bytes()))
    schema.upgrade(reach.server())
    with psycopg.connect(empty_database) as connection:
        before = connection.execute("SELECT * FROM public.answers ORDER BY rank").fetchall()
        after = connection.execute(ANSWERS).fetchall()
        held = connection.execute(HELD).fetchone()

    assert after == before
    assert after[0][1] == 7
    assert held == (10, 300, "Song 7 at 0:05")


@pytest.fixture
def clip(music, tmp_path, run):
    """A recording of a song of the catalogue."""
    run("ingest", music["Amber"].parent)
    return synth.write_wav(tmp_path / "clip.wav", synth.cut(read_audio(music["Birch"], synth.RATE_HZ), 4.0, 5.0))


def test_revision_before_the_newest_is_searched_and_its_programs_search_in_the_newest(database):
    """Two releases that follow each other work side by side, so that neither schema nor programs must come first."""
    (before, _), (newest, _) = schema.history()[-2:]
    with connect() as connection:
        (serves,) = connection.execute("SELECT serves FROM songradar.settings").fetchone()

    assert newest == HEAD
    assert before in SEARCHED
    assert before in serves


@pytest.mark.parametrize("behind", SEARCHED)
def test_program_ahead_of_the_schema_searches_and_keeps_but_does_not_ingest(database, clip, run, behind):
    schema.downgrade(reach.server(), behind)
    found, ingested = run("search", clip), run("ingest", clip)
    with psycopg.connect(database) as connection:
        kept = connection.execute("SELECT title FROM songradar.matches_v1 WHERE accepted").fetchall()

    assert (found.exit_code, found.stderr) == (0, "")
    assert kept == [("Birch",)]
    assert ingested.exit_code == 2
    assert f"the schema songradar is at revision {behind}, and this program needs {HEAD}" in ingested.stderr


def test_program_behind_the_schema_searches_where_the_schema_serves_it(database, clip, run):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE songradar.alembic_version SET version_num = '29991231_future'")
        refused = run("search", clip)
        connection.execute("UPDATE songradar.settings SET serves = ARRAY[%s]", [HEAD])
    found, ingested = run("search", clip), run("ingest", clip)

    assert refused.exit_code == 2
    assert "a newer songradar if the database is ahead" in refused.stderr
    assert (found.exit_code, found.stderr) == (0, "")
    assert ingested.exit_code == 2
