"""Catalogue: several at once, from any thread, and nothing left behind."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from songradar import Catalogue, IngestOptions, SearchOptions, encoders
from songradar.db import embedded
from songradar.db.connection import POOL_SIZE
from songradar.db.errors import CatalogueEmpty, SchemaOutOfDate
from songradar.environment import environment
from songradar.identify import identify
from songradar.ingest import ingest
from songradar.status import status

KILLED = """
import os, signal, sys
from songradar import Catalogue
with Catalogue.temporary() as catalogue:
    print(catalogue.server.folder, flush=True)
    sys.stdin.read()
"""


def test_two_catalogues_are_open_at_once_and_know_nothing_of_each_other(database, music, toy_folder):
    with Catalogue.open(database) as one, Catalogue.temporary() as other:
        encoders.add(other, toy_folder)
        list(ingest(one, music["Amber"]))
        list(ingest(other, music["Birch"]))

        assert identify(one, music["Amber"]).matches[0].title == "Amber"
        assert identify(other, music["Birch"]).matches[0].title == "Birch"
        assert [match.title for match in identify(other, music["Amber"]).matches] == ["Birch"]


def test_temporary_catalogue_is_made_in_any_thread_without_touching_the_environment(toy_folder, music):
    def in_a_thread():
        with Catalogue.temporary() as catalogue:
            encoders.add(catalogue, toy_folder)
            list(ingest(catalogue, music.values(), IngestOptions(workers=1)))
            return catalogue.server.folder, identify(catalogue, music["Cedar"]).matches[0].title

    before, handler = dict(os.environ), signal.getsignal(signal.SIGTERM)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: in_a_thread(), range(2)))

    assert [title for _, title in done] == ["Cedar", "Cedar"]
    assert done[0][0] != done[1][0]
    assert not any(folder.exists() for folder, _ in done)
    assert (dict(os.environ), signal.getsignal(signal.SIGTERM)) == (before, handler)


def test_many_threads_share_a_catalogue(database, music):
    with Catalogue.open(database) as catalogue:
        list(ingest(catalogue, music.values()))
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda path: identify(catalogue, path), list(music.values()) * 8))

    assert [answer.matches[0].title for answer in answers] == list(music) * 8


def test_closed_catalogue_leaves_no_connection_open(database):
    with Catalogue.open() as catalogue:
        with catalogue.engine.connect() as used:
            used.exec_driver_sql("SELECT 1")
        with catalogue.connection() as connection:
            is_autocommit = connection.autocommit

    assert is_autocommit
    assert connection.closed


def test_temporary_catalogue_whose_process_was_killed_is_cleared_away_by_the_next():
    with subprocess.Popen([sys.executable, "-c", KILLED], stdin=-1, stdout=-1, text=True) as process:
        folder = Path(process.stdout.readline().strip())
        process.kill()
    assert embedded.running_url(folder) is not None

    with Catalogue.temporary():
        pass

    assert not folder.exists()


def test_temporary_catalogue_of_a_process_that_lives_is_left_alone():
    with Catalogue.temporary() as first, Catalogue.temporary() as second:
        assert embedded.running_url(first.server.folder) is not None
        assert embedded.running_url(second.server.folder) is not None
    assert not first.server.folder.exists()


def test_url_is_not_upgraded_unasked(empty_database):
    with pytest.raises(SchemaOutOfDate, match="not there yet"):
        Catalogue.open(empty_database)


def test_empty_catalogue_says_how_to_fill_it(database, music):
    with Catalogue.open(database) as catalogue, pytest.raises(CatalogueEmpty, match="songradar ingest ~/Music"):
        identify(catalogue, music["Amber"], SearchOptions())


def test_connection_that_breaks_is_replaced(database):
    with Catalogue.open(database) as catalogue:
        with catalogue.connection() as connection:
            pid = connection.info.backend_pid
        with psycopg.connect(database, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

        with catalogue.connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_environment_is_read_in_one_place():
    url = "postgresql://h/d"

    assert environment({"DATABASE_URL": url, "SONGRADAR_HOST": "studio"}).server.given_url == url
    assert environment({"SONGRADAR_HOST": "studio"}).host == "studio"
    assert environment({"SONGRADAR_HOME": "/data"}).server.folder == Path("/data")
    assert environment({}).server.is_embedded
    assert environment({}).host


def test_variable_that_names_an_unusable_folder_is_named(run, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SONGRADAR_HOME", str(tmp_path / "file"))
    result = run("status")

    assert result.exit_code == 2
    assert result.stderr.startswith(f"songradar: SONGRADAR_HOME: the data directory {tmp_path / 'file'} cannot be used")


def test_more_may_ask_for_the_status_than_there_are_connections(database):
    n = 2 * POOL_SIZE
    with Catalogue.open(database) as catalogue, ThreadPoolExecutor(n) as executor:
        found = list(executor.map(lambda _: status(catalogue)["songs"], range(n)))

    assert found == n * [0]
