"""A server that is there but takes no connections yet is waited for, within a bound."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Timer

import psycopg
import pytest
from psycopg.pq import PGconn, Ping

from songradar.db import connecting, embedded
from songradar.db.errors import ServerUnreachable
from tests.reach import connect


@contextmanager
def recovering(home: Path) -> Iterator[Callable[[], None]]:
    """A backend has been killed, and the server waits for another, which ends when what is yielded is called."""
    url = embedded.running_url(home)
    with closing(psycopg.connect(url)) as victim, closing(psycopg.connect(url)) as slow:
        os.kill(slow.info.backend_pid, signal.SIGSTOP)
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        while PGconn.ping(url.encode()) != Ping.REJECT:
            time.sleep(0.02)
        yield partial(os.kill, slow.info.backend_pid, signal.SIGCONT)


@pytest.mark.parametrize("by_url", [False, True], ids=["embedded", "DATABASE_URL"])
def test_recovery_from_the_death_of_a_process_is_waited_for(by_url, home, monkeypatch):
    connect().close()
    if by_url:
        monkeypatch.setenv("DATABASE_URL", embedded.running_url(home))

    with recovering(home) as go_on:
        later = Timer(0.5, go_on)
        later.start()
        with connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        later.join()


def test_server_that_does_not_get_ready_in_time_is_given_up_in_a_sentence(home, monkeypatch):
    connect().close()
    monkeypatch.setenv("DATABASE_URL", embedded.running_url(home))
    with recovering(home) as go_on:
        with monkeypatch.context() as hurry:
            hurry.setattr(connecting, "RECOVERY_S", 0.2)
            with pytest.raises(ServerUnreachable, match=r"^DATABASE_URL: .*FATAL: .*recovery mode$"):
                connect()
        go_on()
        connect().close()  # a server that is still recovering does not stop when it is asked
