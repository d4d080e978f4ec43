"""A database that goes away for a while: it is asked again, ever more seldom, and given up at last.

For who hears sound that does not wait: what is asked is skipped meanwhile. Who can wait uses `Catalogue.retrying`.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolTimeout

from songradar.db.connection import first_line
from songradar.db.errors import ServerUnreachable

FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 30.0
"""Between attempts: each time twice as long, up to the longest."""

PATIENCE_S = 300.0
"""How long a database may be away."""


class Patience:
    """Whether to ask the database now; what is said when it goes, and when it is back, goes to `tell`."""

    def __init__(self, tell: Callable[[str], None], patience_s: float = PATIENCE_S) -> None:
        self._tell, self._patience_s = tell, patience_s
        self._since_s, self._again_s, self._delay_s = math.inf, -math.inf, FIRST_DELAY_S

    @property
    def wait_s(self) -> float:
        """How long until the database is to be asked again; 0 as long as it is there."""
        return max(0.0, self._again_s - time.monotonic())

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Ask the database within the block, which ends where it is away. Raises ServerUnreachable after PATIENCE_S."""
        try:
            yield
        except (psycopg.OperationalError, ServerUnreachable) as error:
            self._failed(error)
        else:
            if math.isfinite(self._since_s):
                self._tell("database: is there again")
            self._since_s, self._delay_s = math.inf, FIRST_DELAY_S

    def _failed(self, error: Exception) -> None:
        now_s = time.monotonic()
        self._since_s = min(self._since_s, now_s)
        reason = "does not answer" if isinstance(error, PoolTimeout) else first_line(error)
        if now_s + self._delay_s > self._since_s + self._patience_s:
            raise ServerUnreachable(
                f"database: {reason}, and did not come back within {self._patience_s:.0f} s"
            ) from error
        self._tell(f"database: {reason}; next attempt in {self._delay_s:.0f} s")
        self._again_s = now_s + self._delay_s
        self._delay_s = min(2 * self._delay_s, LONGEST_DELAY_S)
