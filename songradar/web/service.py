"""What the operations share: the catalogue, its decoders, what is counted, and room for work."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec

from starlette.concurrency import run_in_threadpool

from songradar import history
from songradar.catalogue import Catalogue
from songradar.identify import Answer, keep, why_not_kept
from songradar.untrusted import Decoders
from songradar.uploads import discard, remove_old
from songradar.web.limits import Rates, Slots
from songradar.web.listeners import Listeners
from songradar.web.metrics import Metrics
from songradar.web.options import WebOptions
from songradar.web.problems import Problem

P = ParamSpec("P")

SONGS, RECORDINGS = "songs", "recordings"
"""The folders of uploaded files."""

ASKED_AGAIN_S = 10.0
"""How long a database that could keep nothing is left in peace."""

FORGETTING_S = 3600
"""How often it is looked which recordings have been kept long enough."""


@dataclass
class Service:
    """One server.

    There is room for searches, decoding and encoding included (`work`), for ingestions and scans (`long_work`), and for
    files that are being sent (`receiving`).
    """

    catalogue: Catalogue
    options: WebOptions
    decoders: Decoders
    work: Slots
    long_work: Slots
    receiving: Slots
    rates: Rates
    listeners: Listeners
    keeps: bool
    """Whether the database took searches when it was asked last."""
    metrics: Metrics = field(default_factory=Metrics)
    n_live: int = 0
    _asked_at: float = field(default_factory=time.monotonic)

    async def search(self, act: Callable[P, Answer], *arguments: P.args, **options: P.kwargs) -> Answer:
        """Run a search in a thread when there is room, and count it."""
        async with self.work.taken():
            with self.metrics.searching.track_inprogress():
                answer = await run_in_threadpool(act, *arguments, **options)
        self.metrics.count_search(answer)
        return answer

    async def keep(self, answer: Answer) -> int | None:
        """Write an answer into the database, if it takes any; returns the number of the search."""
        return await run_in_threadpool(keep, self.catalogue, answer) if await self.may_keep() else None

    async def may_keep(self) -> bool:
        """Whether the database takes searches and scans. Where it did not, it is asked again from time to time."""
        if not self.keeps and time.monotonic() - self._asked_at > ASKED_AGAIN_S:
            self._asked_at = time.monotonic()
            self.keeps = await run_in_threadpool(why_not_kept, self.catalogue) is None
        return self.keeps

    def uploads(self, kind: str) -> Path:
        """The folder of uploaded songs, or recordings. Raises Problem where the server keeps none."""
        if self.options.uploads is None:
            raise Problem(403, "forbidden", "this server keeps no uploaded files")
        return self.options.uploads / kind

    def discard_upload(self, kind: str, source: str) -> None:
        """Remove a file that was uploaded."""
        if self.options.uploads is not None:
            discard(source, self.uploads(kind))

    def discard_recording(self, recording: str) -> None:
        """Remove a recording that was uploaded to be scanned, once no scan is kept of it."""
        if not history.is_scanned(self.catalogue, recording):
            self.discard_upload(RECORDINGS, recording)

    async def forget_recordings(self) -> None:
        """Remove recordings whose days are over, for ever and ever."""
        while self.options.uploads is not None:
            await run_in_threadpool(remove_old, self.uploads(RECORDINGS), self.options.recordings_days)
            await asyncio.sleep(FORGETTING_S)
