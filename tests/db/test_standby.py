"""A hot standby: a server that replays another's log, and meanwhile answers who only reads."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest

from songradar import Catalogue
from songradar.cli.serve import opened
from songradar.db import embedded, search
from songradar.errors import SearchNotKept
from songradar.identify import identify, keep
from songradar.scan import scan
from songradar.web.options import WebOptions
from tests.db.servers import owner
from tests.reach import connect
from tests.web.conftest import serving


@pytest.fixture
def standby(database, server, music, run):
    """The URL of the test's database on a copy of its server, made by pg_basebackup and in recovery for good."""
    run("ingest", music["Amber"].parent)
    folder = Path(tempfile.mkdtemp(prefix="songradar-standby-"))
    folder.chmod(0o755)
    user = owner(server.home / "postgres")
    os.chown(folder, *user)
    copy = [str(embedded.program("pg_basebackup")), "-D", str(folder / "postgres"), "-R", "--checkpoint=fast"]
    with server.access("local replication postgres trust"):
        where = ["-d", server.url("postgres")]
        subprocess.run([*copy, *where], check=True, user=user[0], group=user[1], cwd=folder, capture_output=True)
    url = embedded.start(folder)
    yield url.replace(f"/{embedded.DATABASE}?", f"/{database.split('/')[3].split('?')[0]}?")
    embedded.stop(folder)
    shutil.rmtree(folder)


def test_search_on_a_standby_is_answered_with_a_warning_that_it_is_not_kept(standby, run, music, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", standby)
    found, listed, status = run("search", music["Birch"]), run("songs", "list"), run("status")
    refused = run("ingest", music["Birch"].parent / "nowhere.wav", music["Birch"])

    assert found.exit_code == 0
    assert "Birch by The Trees" in found.stdout
    assert found.stderr.startswith("this server is a standby, so searches are not kept")
    assert (listed.exit_code, status.exit_code) == (0, 0)
    assert refused.exit_code == 1  # the one file is there already, the other does not exist
    with Catalogue.open() as catalogue, catalogue.connection() as connection:
        assert search.why_not_kept(connection).startswith("this server is a standby")


@pytest.fixture
def signalled(home):
    """The server of `home`, in recovery for good."""
    connect().close()
    embedded.stop(home)
    signal = home / "postgres" / "standby.signal"
    signal.touch()
    os.chown(signal, *owner(home / "postgres"))


def test_embedded_server_in_recovery_is_connected_to(signalled):
    with connect() as connection:
        assert search.why_not_kept(connection).startswith("this server is a standby")


@pytest.fixture
def readers(standby, monkeypatch):
    """Searches go to the standby, in SONGRADAR_READ_URL."""
    monkeypatch.setenv("SONGRADAR_READ_URL", standby)
    return standby


def is_standby(connection):
    return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)


def test_search_is_answered_by_the_standby_and_kept_by_the_primary(readers, database, run, music):
    found = run("search", music["Birch"])
    with Catalogue.open() as catalogue:
        with catalogue.searching() as there, catalogue.connection() as here:
            asked = is_standby(there), is_standby(here)
        scanned = [playing.title for playing in scan(catalogue, music["Birch"])]
    with psycopg.connect(database) as connection:
        kept = connection.execute("SELECT title FROM songradar.matches_v1 WHERE rank = 1").fetchall()
        (n_scans,) = connection.execute("SELECT count(*) FROM songradar.scans").fetchone()

    assert (found.exit_code, found.stderr) == (0, "")
    assert asked == (True, False)
    assert kept == [("Birch",)]
    assert (scanned, n_scans) == (["Birch"], 1)


def test_standby_answers_while_the_primary_is_away(readers, run, music, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:9/songradar")
    found, ingested = run("search", music["Birch"]), run("ingest", music["Birch"])
    with Catalogue.open(only_to_search=True) as catalogue, pytest.raises(SearchNotKept, match="does not answer"):
        keep(catalogue, identify(catalogue, music["Birch"]))

    assert found.exit_code == 0
    assert "Birch by The Trees" in found.stdout
    assert found.stderr == (
        "the server that takes changes does not answer, so searches are not kept: --no-save says so beforehand\n"
    )
    assert ingested.exit_code == 2
    assert ingested.stderr.startswith("songradar: DATABASE_URL: ")


def test_served_standby_answers_while_the_primary_is_away(readers, music, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:9/songradar")
    with opened(is_demo=False) as (catalogue, _), serving(catalogue, WebOptions()) as served:
        health = served.get("/health")
        answer = served.post("/identify", content=music["Birch"].read_bytes(), headers={"Content-Type": "audio/wav"})

    assert (health.status_code, answer.status_code) == (200, 200)
    assert answer.json()["matches"][0]["title"] == "Birch"
    assert "Content-Location" not in answer.headers


def test_standby_that_is_gone_is_passed_over_for_the_primary(readers, database, run, music, monkeypatch):
    """By libpq's own means: of several hosts, the first that answers and is what is preferred."""
    folder = quote(parse_qs(urlsplit(database).query)["host"][0], safe="")
    several = f"{urlsplit(database)._replace(query='').geturl()}?host=/nowhere,{folder}&port=5432,5432"
    monkeypatch.setenv("SONGRADAR_READ_URL", f"{several}&target_session_attrs=prefer-standby&load_balance_hosts=random")

    assert run("search", music["Birch"]).exit_code == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://postgres@127.0.0.1:9/songradar", "SONGRADAR_READ_URL: connection failed"),
        ("mysql://here", "SONGRADAR_READ_URL does not begin with postgresql://"),
    ],
)
def test_no_standby_is_one_sentence(database, run, music, monkeypatch, url, said):
    monkeypatch.setenv("SONGRADAR_READ_URL", url)
    result = run("search", music["Birch"])

    assert result.exit_code == 2
    assert result.stderr.startswith(f"songradar: {said}")


def test_other_catalogue_does_not_answer(database, server, run, music, monkeypatch):
    server.execute("CREATE DATABASE other_catalogue TEMPLATE template_songradar")
    monkeypatch.setenv("SONGRADAR_READ_URL", server.url("other_catalogue"))
    result = run("search", music["Birch"])
    server.execute("DROP DATABASE other_catalogue WITH (FORCE)")

    assert result.exit_code == 2
    assert result.stderr == (
        "songradar: SONGRADAR_READ_URL leads to another catalogue: it has to name standbys of the same PostgreSQL\n"
    )


def test_anybody_who_may_search_can_tell_a_standby(database):
    with connect() as connection:
        rights = connection.execute("SELECT has_function_privilege('pg_monitor', 'pg_control_system()', 'EXECUTE')")
        assert rights.fetchone() == (True,)
