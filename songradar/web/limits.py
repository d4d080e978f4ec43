"""How much may be asked at once, and how often."""

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import HTTPConnection

from songradar.web.problems import Problem, busy

BURST_S = 10.0
"""A client that was quiet may ask at once what it may ask in this time."""

MOST_CLIENTS = 10_000
"""Clients that are remembered."""


class Slots:
    """Room for `n` pieces of work at once; `n_waiting` others wait for it, at most `wait_s` seconds."""

    def __init__(self, n: int, n_waiting: int, wait_s: float) -> None:
        self._free = asyncio.Semaphore(n)
        self._n_waiting, self._wait_s = n_waiting, wait_s
        self.waiting = 0

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Work within the block. Raises Problem, status 503, where there is no room."""
        if self._free.locked() and self.waiting >= self._n_waiting:
            raise busy("too much is asked at once")
        self.waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise busy("too much is asked at once") from error
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._free.release()


class Rates:
    """How often each client may ask: `per_minute` times, with bursts of BURST_S; 0 is without limit."""

    def __init__(self, per_minute: int) -> None:
        self._per_s = per_minute / 60
        self._most = max(1.0, self._per_s * BURST_S)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, client: str) -> None:
        """Count a request. Raises Problem, status 429, where the client has to wait."""
        if not self._per_s:
            return
        now = time.monotonic()
        left, since = self._left.pop(client, (self._most, now))
        left = min(self._most, left + (now - since) * self._per_s)
        self._left[client] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        if left < 1:
            wait_s = max(1, round((1 - left) / self._per_s))
            raise Problem(429, "too-many-requests", "you ask too often", {"Retry-After": str(wait_s)})


def client_of(connection: HTTPConnection) -> str:
    """Whose request it is: the address, of IPv6 the network's."""
    return network_of(connection.client.host if connection.client else "")


def network_of(host: str) -> str:
    """An address of IPv4, or the network of 64 bits that one of IPv6 is in.

    >>> network_of("192.0.2.7"), network_of("2001:db8::1")
    ('192.0.2.7', '2001:db8::')
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)
