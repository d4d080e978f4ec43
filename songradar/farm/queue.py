"""The queue of the farm: procrastinate, on the catalogue's own PostgreSQL (`songradar[farm]`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import psycopg
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.retry import BaseRetryStrategy
from procrastinate.schema import SchemaManager

from songradar.db.connection import Server
from songradar.db.errors import DatabaseError

NAME = "ingest"
"""Of the queue, and of the task that all of its jobs are."""

POOL_SIZE = 4

_IS_MINE = """
    SELECT EXISTS (SELECT FROM procrastinate_jobs
                    WHERE id = %(id)s AND status = 'doing' AND attempts = %(attempts)s
                      AND worker_id IS NOT DISTINCT FROM %(worker)s) AS is_mine
"""


class FarmMismatch(DatabaseError):
    """The procrastinate that is installed has other tables than those that the schema made."""


class FencedJobs(JobManager):
    """Leaves a job alone that another worker has taken meanwhile."""

    async def retry_job(self, job: Job, *arguments: Any, **options: Any) -> None:
        if await self._is_mine(job):
            await super().retry_job(job, *arguments, **options)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        if await self._is_mine(job):
            await super().finish_job(job, status, delete_job)

    async def _is_mine(self, job: Job) -> bool:
        asked = {"id": job.id, "attempts": job.attempts, "worker": job.worker_id}
        return bool((await self.connector.execute_query_one_async(_IS_MINE, **asked))["is_mine"])


def queue_of(
    server: Server,
    act: Callable[[JobContext, dict[str, Any]], None] | None = None,
    retry: BaseRetryStrategy | None = None,
) -> App:
    """The queue of the catalogue at `server`; `act` does a job of it, which `retry` hands back when that raises."""
    check_tables()
    app = App(connector=PsycopgConnector(conninfo=server.url, configure=_find_tables, max_size=POOL_SIZE))
    app.job_manager = FencedJobs(app.connector)

    @app.task(name=NAME, queue=NAME, pass_context=True, retry=retry or False)
    def ingest(context: JobContext, /, **options: Any) -> None:
        assert act is not None, "who enqueues does no job"
        act(context, options)

    return app


def check_tables() -> None:
    """Raise FarmMismatch where procrastinate's tables would be others than those that our revisions made."""
    ours = files("songradar.db").joinpath("sql", "procrastinate_3_10", "schema.sql").read_text("utf-8")
    if SchemaManager.get_schema() != ours:
        raise FarmMismatch(
            "the procrastinate that is installed has other tables than the farm's: pip install 'procrastinate==3.10.*'"
        )


@contextmanager
def errors_of_postgresql() -> Iterator[None]:
    """Raise the error of psycopg that one of procrastinate stands for."""
    try:
        yield
    except ConnectorException as error:
        if isinstance(error.__cause__, psycopg.Error):
            raise error.__cause__ from error
        raise


async def _find_tables(connection: psycopg.AsyncConnection) -> None:
    await connection.execute("SET search_path = pg_catalog, songradar_farm, pg_temp")
    if not connection.autocommit:
        await connection.commit()
