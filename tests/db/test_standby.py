"""A hot standby: a server that replays another's log, and meanwhile answers who only reads."""

import os

import pytest

from songradar.db import embedded, search
from tests.db.servers import owner
from tests.reach import connect


@pytest.fixture
def standby(home):
    """The server of `home`, in recovery for good."""
    connect().close()
    embedded.stop(home)
    signal = home / "postgres" / "standby.signal"
    signal.touch()
    os.chown(signal, *owner(home / "postgres"))


def test_standby_is_connected_to_and_says_why_it_keeps_no_search(standby):
    with connect() as connection:
        assert search.why_not_kept(connection).startswith("this server is a standby")
