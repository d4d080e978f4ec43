"""A hot standby: a server that replays another's log, and meanwhile answers who only reads."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from db import embedded, search
from db.engine import connect


@pytest.fixture
def standby(monkeypatch):
    """A server in SONGRADAR_HOME with the schema, in recovery for good."""
    folder = Path(tempfile.mkdtemp(prefix="songradar-test-"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SONGRADAR_HOME", str(folder))
    connect().close()
    embedded.stop(folder)
    cluster = folder / "postgres"
    signal = cluster / "standby.signal"
    signal.touch()
    os.chown(signal, cluster.stat().st_uid, cluster.stat().st_gid)
    yield folder
    embedded.stop(folder)
    shutil.rmtree(folder)


def test_standby_is_connected_to_and_says_why_it_keeps_no_search(standby):
    with connect() as connection:
        assert search.why_not_kept(connection).startswith("this server is a standby")
