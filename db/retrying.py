"""Wait for a server that has gone away, and do again what that broke off."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from songradar.db.connection import Server, connect
from songradar.db.errors import ServerUnreachable
from songradar.db.postmaster import read_pid_file

ATTEMPTS = 3
"""How often something is tried: what ends the server each time is not tried for ever."""

PAUSE_S = 0.5

GONE = ("08", "57P01", "57P02", "57P03")
"""SQLSTATEs, or their beginnings, of a server that has ended a connection or refuses one for now."""

Connections = Callable[[], AbstractContextManager[psycopg.Connection]]

Result = TypeVar("Result")


def retrying(
    server: Server, connections: Connections, act: Callable[[psycopg.Connection], Result], wait_s: float
) -> Result:
    """What `act` gives on a connection; where the server goes away meanwhile, it is waited for and `act` called again.

    `connections` should raise PoolTimeout soon, so that the server is looked at. `act` must do no harm when it is done
    twice: nobody knows whether a commit that got no answer was made. Raises ServerUnreachable where the server is not
    back after `wait_s`, and psycopg.OperationalError where it goes away each time, or no connection gets free.
    """
    n_lost, deadline = 0, None
    while True:
        try:
            with connections() as connection:
                return act(connection)
        except psycopg.OperationalError as error:
            n_lost += not isinstance(error, PoolTimeout)
            deadline = deadline or time.monotonic() + wait_s
            if n_lost == ATTEMPTS or time.monotonic() > deadline or not has_gone(error):
                raise
            _wait_for(server, error, deadline)


def has_gone(error: psycopg.OperationalError) -> bool:
    """Whether it was the connection that failed; libpq gives no SQLSTATE where nobody was there to send one."""
    return error.sqlstate is None or error.sqlstate.startswith(GONE)


def _wait_for(server: Server, gone: psycopg.OperationalError, deadline: float) -> None:
    """Until the server lets us in again. An embedded one that was killed is started, one that was stopped is not."""
    if server.folder is not None and read_pid_file(server.folder / "postgres") is None:
        raise ServerUnreachable(f"the embedded PostgreSQL in {server.folder} was stopped meanwhile") from gone
    while True:
        try:
            connect(server).close()
            return
        except (ServerUnreachable, psycopg.OperationalError):
            if time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_S)
