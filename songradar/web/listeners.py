"""Those who want to be told of songs and searches: one connection to PostgreSQL hears for all."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from songradar.announcements import Announcement, listen
from songradar.catalogue import Catalogue
from songradar.web.problems import busy

BEHIND = 256
"""Announcements that a listener may be behind; then it is let go, and may come again."""

AGAIN_S = 5.0
"""How long to wait before PostgreSQL is asked again, when it is gone."""

MOST = 100
"""Listeners at once."""

_log = logging.getLogger("songradar.web")


class Listeners:
    """Queues of announcements; None ends one. The thread that hears begins with the first listener."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._queues: set[asyncio.Queue[Announcement | None]] = set()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @asynccontextmanager
    async def queue(self) -> AsyncIterator[asyncio.Queue[Announcement | None]]:
        """What is announced within the block. Raises Problem where there are too many listeners."""
        if len(self._queues) >= MOST or self._stop.is_set():
            raise busy("too many listeners")
        if self._thread is None:
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._hear, args=(loop,), name="announcements", daemon=True)
            self._thread.start()
        mine: asyncio.Queue[Announcement | None] = asyncio.Queue(BEHIND)
        self._queues.add(mine)
        try:
            yield mine
        finally:
            self._queues.discard(mine)

    def close(self) -> None:
        """Let all go."""
        self._stop.set()
        for queue in self._queues:
            _end(queue)

    def _hear(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stop.is_set():
            try:
                for announcement in listen(self._catalogue):
                    if self._stop.is_set():
                        return
                    if announcement is not None:
                        loop.call_soon_threadsafe(self._tell, announcement)
            except Exception as error:
                _log.warning("announcements are not heard: %s", error)
            time.sleep(AGAIN_S)

    def _tell(self, announcement: Announcement) -> None:
        for queue in list(self._queues):
            if queue.full():
                self._queues.discard(queue)
                _end(queue)
            else:
                queue.put_nowait(announcement)


def _end(queue: "asyncio.Queue[Announcement | None]") -> None:
    """Let None be the next that is got from it."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)
