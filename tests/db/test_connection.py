"""Which server is asked, and which is refused."""

import psycopg
import pytest

from songradar.db.connection import check_versions, plain_url
from songradar.db.errors import ServerTooOld, ServerUnreachable
from tests.reach import connect, connect_unchecked


class ReportsVersions:
    """Answers the version query as an old server would, which is no proxy; no such server can be had here."""

    def __init__(self, *row: object) -> None:
        self._row = (*row, False)

    def execute(self, _statement: str) -> "ReportsVersions":
        return self

    def fetchone(self) -> tuple[object, ...]:
        return self._row


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ((150_018, "15.18", "0.8.5", "0.8.5"), "this is PostgreSQL 15.18; songradar needs PostgreSQL 16 or later"),
        ((180_004, "18.4", None, None), "this PostgreSQL has no pgvector; songradar needs pgvector 0.8.0 or later"),
        ((180_004, "18.4", None, "0.7.4"), "this database has pgvector 0.7.4; songradar needs pgvector 0.8.0 or later"),
    ],
)
def test_old_server_is_refused_with_both_versions(row, sentence):
    with pytest.raises(ServerTooOld) as refusal:
        check_versions(ReportsVersions(*row))

    assert str(refusal.value) == sentence


def test_old_extension_in_a_real_database_is_refused_with_the_way_out(database):
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")

    with pytest.raises(ServerTooOld, match=r"pgvector 0\.7\.4.*0\.8\.0 or later; run ALTER EXTENSION vector UPDATE"):
        connect()


def test_version_with_letters_is_read():
    check_versions(ReportsVersions(190_000, "19beta1", "0.9.0-dev", "0.9.0-dev"))


def test_oldest_supported_versions_pass():
    check_versions(ReportsVersions(160_000, "16.0", "0.8.0", "0.8.0"))


@pytest.mark.parametrize("url", ["mysql://localhost/x", "localhost:5432", "postgres"])
def test_url_of_something_else_is_refused(url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(ServerUnreachable, match="does not begin with postgresql://"):
        connect()


def test_url_that_cannot_be_read_does_not_tell_the_password(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://dj:se%cret@127.0.0.1/music")

    with pytest.raises(ServerUnreachable, match="cannot be read as a URL") as refusal:
        connect()
    assert "cret" not in str(refusal.value)


def test_server_that_does_not_answer_is_one_sentence(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/nowhere")

    with pytest.raises(ServerUnreachable, match=r"^DATABASE_URL: .*refused[^\n]*$"):
        connect()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_the_scheme_works(scheme, database, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database.replace("postgresql", scheme, 1))

    with connect_unchecked() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert plain_url(f"{scheme}://h/d") == "postgresql://h/d"


def test_extension_in_a_schema_of_its_own_is_found(empty_database, run):
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE SCHEMA extensions")
        connection.execute("CREATE EXTENSION vector SCHEMA extensions")

    assert run("db", "upgrade").exit_code == 0
    with connect() as connection, pytest.raises(psycopg.errors.InvalidParameterValue, match="no encoder 1"):
        connection.execute("SELECT FROM songradar.match_v1(1, '{}', '{}')")
