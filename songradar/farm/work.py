"""A worker of the farm: takes jobs from the queue, as many at once as there are cores, until it is told to end."""

import asyncio
import logging
import math
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, LifoQueue, SimpleQueue
from threading import Event, Thread
from typing import Any

import psycopg
from procrastinate import JobContext
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.worker import Worker

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db import farm
from songradar.db.connection import connect_directly, first_line
from songradar.db.errors import EncoderUnknown, ServerUnreachable
from songradar.db.farm import Attempt
from songradar.farm.batch import Interrupted, Site, TryAgain, Unseen, ingest_batch
from songradar.farm.giving import SILENT_S
from songradar.farm.queue import NAME, errors_of_postgresql, queue_of
from songradar.ml.extraction import Extraction, usable_cores
from songradar.outcomes import FileOutcome
from songradar.patience import Patience

BEATS = 6
"""Signs of life that a worker gives in the time after which it would seem dead."""

TENDED_S = 1.0
"""How often a worker looks whether others are dead, and whether it is to end."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2, 600
"""Before a job is tried again: each time twice as long, up to the longest."""

SPARE_THREADS = 4
"""Beside those that do jobs: for names of machines that are looked up."""

# What goes wrong in the queue is told in one sentence.
logging.getLogger("procrastinate").addHandler(logging.NullHandler())
logging.getLogger("procrastinate").propagate = False


@dataclass(frozen=True)
class WorkOptions:
    """How to work: jobs at once [as many as usable cores], whether to end when all jobs are done, by whomever, where
    folders of other machines lie on this one, and how long a worker may be silent until its work is given to others.
    """

    concurrency: int | None = None
    drain: bool = False
    mapped: Sequence[tuple[Path, Path]] = ()
    silent_s: float = SILENT_S


def work(
    catalogue: Catalogue, options: WorkOptions = WorkOptions(), tell: Callable[[str], None] = lambda _text: None
) -> Generator[FileOutcome, None, None]:
    """Work for the farm, and tell what became of each file. Closing the iterator ends it, once the next file is done.

    It may be killed at any moment. A database that goes away is waited for; `tell` is told. Raises FarmMismatch,
    NeedsDirectConnection, NotAllowed, Unseen.
    """
    with connect_directly(catalogue.server) as connection:
        farm.check_rights(connection)
    worker = _FarmWorker(catalogue, options, tell)
    thread = Thread(target=worker.run, name="farm")
    thread.start()
    try:
        while (outcome := worker.outcomes.get()) is not None:
            yield outcome
    finally:
        worker.closing.set()
        thread.join()
    if worker.error is not None:
        raise worker.error


class Backoff(BaseRetryStrategy):
    """Hands a job back: at once where its worker ends, later where the database or the network was disturbed."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, Interrupted | Unseen):
            return RetryDecision(retry_in={"seconds": 0})
        if isinstance(exception, TryAgain | psycopg.Error | ServerUnreachable):
            return RetryDecision(retry_in={"seconds": pause_s(job.attempts)})
        return None


def pause_s(attempts: int) -> int:
    """How long a job is left alone that was handed back so often.

    >>> [pause_s(attempts) for attempts in (0, 1, 2, 20)]
    [2, 4, 8, 600]
    """
    return min(FIRST_PAUSE_S << min(attempts, 16), LONGEST_PAUSE_S)


class _FarmWorker:
    """A worker of procrastinate in a thread, and another one when that has lost the database."""

    def __init__(self, catalogue: Catalogue, options: WorkOptions, tell: Callable[[str], None]) -> None:
        self.outcomes: SimpleQueue[FileOutcome | None] = SimpleQueue()
        self.closing = Event()
        self.error: BaseException | None = None
        self._catalogue, self._options, self._tell = catalogue, options, tell
        self._concurrency = options.concurrency or usable_cores()
        self._site = Site(options.mapped, self.closing.is_set)
        self._name = f"{catalogue.host}/{os.getpid()}"
        self._extractions = _Extractions()
        self._queue = queue_of(catalogue.server, self._do, Backoff())

    def run(self) -> None:
        """Until it is to end; `error` says why it has to."""
        patience = Patience(self._tell, math.inf)
        try:
            while not self.closing.wait(patience.wait_s):
                with patience.attempt(), errors_of_postgresql():
                    connect_directly(self._catalogue.server).close()
                    asyncio.run(self._shift())
                self.closing.wait(TENDED_S)  # whatever was lost, it is not asked for without a pause
        except BaseException as error:
            self.error = self.error or error
        finally:
            self._extractions.close()
            self.outcomes.put(None)

    async def _shift(self) -> None:
        """Work until it is to end, or until the database is lost."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(self._concurrency + SPARE_THREADS))
        loop.set_exception_handler(lambda _loop, _context: None)  # the queue was lost: its jobs are handed back
        silent_s = self._options.silent_s
        async with self._queue.open_async():
            worker = Worker(
                self._queue,
                queues=[NAME],
                concurrency=self._concurrency,
                delete_jobs="successful",
                install_signal_handlers=False,
                update_heartbeat_interval=silent_s / BEATS,
                stalled_worker_timeout=silent_s,
            )
            tending = asyncio.create_task(self._tend(worker))
            try:
                await worker.run()  # type: ignore[no-untyped-call]  # of procrastinate
            finally:
                tending.cancel()
                with suppress(asyncio.CancelledError):
                    await tending

    async def _tend(self, worker: Worker) -> None:
        """Give the work of the dead to the living, and end the worker when it is time."""
        while True:
            await asyncio.sleep(TENDED_S)
            if not self.closing.is_set():
                with suppress(psycopg.Error, ServerUnreachable):
                    await asyncio.to_thread(self._look_around)
            if self.closing.is_set():
                worker.stop()  # type: ignore[no-untyped-call]

    def _look_around(self) -> None:
        with self._catalogue.connection() as connection:
            farm.hand_back(connection, self._options.silent_s)
            if self._options.drain and farm.queue(connection, self._options.silent_s).is_empty:
                self.closing.set()

    def _do(self, context: JobContext, options: dict[str, Any]) -> None:
        """A job."""
        job = context.job
        assert job.id is not None
        attempt = Attempt(job.id, job.attempts, self._name, job.worker_id)
        try:
            # One core for each job, as others work here, too.
            encoder = self._catalogue.encoder(options["encoder"], threads=1)
            with self._extractions.lent(encoder) as extraction:
                for outcome in ingest_batch(self._catalogue, encoder, extraction, self._site, attempt, options):
                    self.outcomes.put(outcome)
        except (Interrupted, TryAgain, Unseen, psycopg.Error, ServerUnreachable) as error:
            self._hand_back(attempt, error)
            raise
        except Exception as error:
            reason = str(error) if isinstance(error, EncoderUnknown) else f"{type(error).__name__}: {error}"
            self._tell(f"job {attempt.job}: {reason}")
            self._catalogue.retrying(partial(farm.fail, attempt=attempt, reason=reason))
            raise

    def _hand_back(self, attempt: Attempt, error: Exception) -> None:
        """Others may have what is left of a job. The worker ends where the next job would go the same way."""
        if isinstance(error, Unseen) or (isinstance(error, psycopg.Error) and not is_passing(error)):
            self.error = error
            self.closing.set()
        elif not isinstance(error, Interrupted):
            self._tell(f"job {attempt.job}: {first_line(error)}; next attempt in {pause_s(attempt.attempt)} s")
        with suppress(psycopg.Error, ServerUnreachable):
            self._catalogue.retrying(partial(farm.release, attempt=attempt))


class _Extractions:
    """Keeps extractions with their decoding processes from job to job: starting them takes as long as a short song."""

    def __init__(self) -> None:
        self._idle: LifoQueue[tuple[int, Extraction]] = LifoQueue()

    @contextmanager
    def lent(self, encoder: LoadedEncoder) -> Iterator[Extraction]:
        """One for a job; it is closed where that is broken off."""
        extraction = self._taken(encoder)
        try:
            yield extraction
        except BaseException:
            extraction.close()
            raise
        self._idle.put((encoder.id, extraction))

    def _taken(self, encoder: LoadedEncoder) -> Extraction:
        with suppress(Empty):
            while True:
                of_encoder, extraction = self._idle.get_nowait()
                if of_encoder == encoder.id:
                    return extraction
                extraction.close()
        return Extraction(encoder.network, 1)

    def close(self) -> None:
        with suppress(Empty):
            while True:
                self._idle.get_nowait()[1].close()


def is_passing(error: psycopg.Error) -> bool:
    """Whether the server, and not what it was asked for, is to blame."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
