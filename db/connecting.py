"""Connect to a server that may be replaying its log, as it does after the death of one of its processes."""

import time

import psycopg
from psycopg import pq

RECOVERY_S = 60
"""How long a server may take to replay its log."""


def connect_when_ready(url: str) -> psycopg.Connection:
    """An autocommit connection. Waits while the server answers that it cannot accept any yet (SQLSTATE 57P03).

    Raises psycopg.OperationalError when nothing answers, when it says anything else, or after RECOVERY_S.
    """
    deadline = time.monotonic() + RECOVERY_S
    in_doubt = {pq.Ping.OK}  # it may have become ready between refusing us and being pinged
    while True:
        try:
            return psycopg.connect(url, autocommit=True, application_name="songradar")
        except psycopg.OperationalError:
            # libpq does not expose the SQLSTATE of a refused connection, but its ping tells this state from others.
            state = pq.PGconn.ping(url.encode())
            if state == pq.Ping.REJECT and time.monotonic() < deadline:
                # A server that recovers now and then ends the very process that was to answer the ping.
                in_doubt = {pq.Ping.OK, pq.Ping.NO_RESPONSE}
            elif state in in_doubt:
                in_doubt = set()
            else:
                raise
            time.sleep(0.1)
