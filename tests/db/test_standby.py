"""A hot standby: a server that replays another's log, and meanwhile answers who only reads."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from songradar import Catalogue
from songradar.db import embedded, search
from tests.db.servers import owner
from tests.reach import connect


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
