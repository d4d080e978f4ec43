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
    tried_again = False
    while True:
        try:
            return psycopg.connect(url, autocommit=True, application_name="songradar")
        except psycopg.OperationalError:
            # libpq tells the SQLSTATE of a refused connection to nobody; its ping does.
            state = pq.PGconn.ping(url.encode())
            if state == pq.Ping.REJECT and time.monotonic() < deadline:
                time.sleep(0.1)
            elif state == pq.Ping.OK and not tried_again:
                tried_again = True  # it has become ready in between
            else:
                raise
