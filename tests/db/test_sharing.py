"""Roles of one PostgreSQL, over connections of their own: what they may do, and what they must not."""

import numpy as np
import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from songradar.db import sharing
from songradar.db.errors import NotAllowed, RoleUnknown
from songradar.db.search import Question, find_matches, read_encoder, save_search
from tests.db.rows import add_song, unit_vectors
from tests.reach import connect

ALLOWED_TO_READ = (
    "SELECT count(*) FROM songradar.songs_v1",
    "SELECT count(*) FROM songradar.fragments_v1",
    "SELECT onnx, spec FROM songradar.encoders_v1 WHERE active",
    "SELECT count(*) FROM songradar.matches_v1",
    "SELECT count(*) FROM songradar.songs",
    "LISTEN songradar_matches",
)
ALLOWED_TO_WRITE = (
    "UPDATE songradar.songs SET title = 'Another'",
    "INSERT INTO songradar.searches (query, duration_s) VALUES ('clip', 1)",
    "DELETE FROM songradar.songs",
)
THE_OWNERS = (
    "UPDATE songradar.encoders SET active = false",
    "DELETE FROM songradar.encoders",
    "DROP TABLE songradar.matches",
    "CREATE TABLE songradar.mine (x int)",
    "TRUNCATE songradar.songs CASCADE",
    "ALTER TABLE songradar.songs DISABLE TRIGGER ALL",
    "UPDATE songradar.alembic_version SET version_num = 'x'",
    "UPDATE songradar.settings SET kept_candidates = 'all'",
    "INSERT INTO songradar.readers (role) VALUES (0)",
    "UPDATE songradar.readers SET collections = NULL",
    "DELETE FROM songradar.readers",
    "SELECT count(*) FROM songradar.fragments_1",
    "CREATE POLICY mine ON songradar.songs USING (true)",
    "ALTER TABLE songradar.songs DISABLE ROW LEVEL SECURITY",
    "ALTER FUNCTION songradar.match_v1 SECURITY INVOKER",
    "DROP FUNCTION songradar.seen_collections_v1 CASCADE",
    "SET ROLE postgres",
)


@pytest.fixture
def as_role(server, database, monkeypatch):
    """The URL of the database for role `radio`, which is no superuser; a role for every test."""
    add_song("Amber")
    with server.role("radio"):  # whose end fails if any right is left
        yield database.replace("postgres@", "radio@")
        monkeypatch.setenv("DATABASE_URL", database)
        with connect() as connection:
            sharing.revoke(connection, "radio")


def share(role="radio", *, write=False):
    with connect() as connection:
        sharing.grant(connection, role, write=write)


def refused(url, statements):
    """Those of `statements` that the role may not run."""
    found = []
    for statement in statements:
        with psycopg.connect(url) as connection:
            try:
                connection.execute(statement)
            except InsufficientPrivilege:
                found.append(statement)
            connection.rollback()
    return found


def test_role_without_a_grant_may_nothing(as_role):
    everything = (*ALLOWED_TO_READ[:-1], *ALLOWED_TO_WRITE, *THE_OWNERS)

    assert refused(as_role, everything) == list(everything)


def test_reader_reads_and_changes_nothing(as_role):
    share()

    assert refused(as_role, ALLOWED_TO_READ) == []
    assert refused(as_role, (*ALLOWED_TO_WRITE, *THE_OWNERS)) == [*ALLOWED_TO_WRITE, *THE_OWNERS]


def test_reader_searches(as_role, monkeypatch):
    share()
    monkeypatch.setenv("DATABASE_URL", as_role)

    with connect() as connection:
        encoder = read_encoder(connection)
        question = Question(encoder.id, unit_vectors(20, 1)[:8], np.arange(8, dtype=np.float32))
        matches = find_matches(connection, question)

    assert [match.title for match in matches] == ["Amber"]


def test_writer_ingests_and_keeps_searches_but_leaves_encoders_alone(as_role, monkeypatch):
    share(write=True)
    monkeypatch.setenv("DATABASE_URL", as_role)

    add_song("Birch", seed=2)
    with connect() as connection:
        encoder = read_encoder(connection)
        question = Question(encoder.id, unit_vectors(20, 2)[:8], np.arange(8, dtype=np.float32))
        matches = find_matches(connection, question)
        search_id = save_search(connection, "clip.wav", 8.0, encoder.id, {}, matches)
        kept = connection.execute("SELECT search_id, title FROM songradar.matches_v1 WHERE rank = 1").fetchall()

    assert kept == [(search_id, "Birch")]
    assert refused(as_role, (*ALLOWED_TO_READ, *ALLOWED_TO_WRITE)) == []
    assert refused(as_role, THE_OWNERS) == list(THE_OWNERS)


def test_writer_becomes_a_reader(as_role):
    share(write=True)
    share()

    assert refused(as_role, ALLOWED_TO_WRITE) == list(ALLOWED_TO_WRITE)


def test_what_comes_later_is_shared_too(as_role, database):
    share()
    with psycopg.connect(database) as connection:
        connection.execute("CREATE VIEW songradar.songs_v2 AS SELECT 1 AS x")
        connection.execute("CREATE FUNCTION songradar.match_v2() RETURNS int LANGUAGE sql RETURN 1")

    assert refused(as_role, ("SELECT x FROM songradar.songs_v2", "SELECT songradar.match_v2()")) == []


def test_only_the_owner_shares(as_role, monkeypatch):
    share(write=True)
    monkeypatch.setenv("DATABASE_URL", as_role)

    with pytest.raises(NotAllowed, match="is postgres's, and radio cannot share it"):
        share(write=True)


@pytest.mark.usefixtures("database")
def test_unknown_role_is_one_sentence(run):
    with pytest.raises(RoleUnknown, match="there is no role nobody"):
        share("nobody")
    result = run("db", "grant", "nobody")

    assert result.exit_code == 2
    assert result.stderr == "songradar: there is no role nobody: CREATE ROLE makes one\n"


def test_a_reader_on_the_command_line_is_answered_though_nothing_is_kept(as_role, run, music, tmp_path, monkeypatch):
    from songradar.ml.audio import read_audio
    from tests import synth

    run("ingest", music["Amber"].parent)
    granted = run("db", "grant", "radio")
    clip = synth.write_wav(tmp_path / "clip.wav", synth.cut(read_audio(music["Birch"], synth.RATE_HZ), 4.0, 5.0))
    monkeypatch.setenv("DATABASE_URL", as_role)
    named = run("search", clip)
    ingested = run("ingest", clip)

    assert granted.stdout == "radio may read\n"
    assert named.exit_code == 0
    assert "Birch by The Trees" in named.stdout
    assert named.stderr == "radio may not keep searches here: use --no-save, or songradar db grant radio --write\n"
    assert ingested.exit_code == 2
    assert "permission denied" in ingested.stderr
