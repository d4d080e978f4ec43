"""The files of a farm: given to it, taken by its workers, and what became of each.

A job of the queue is a batch of files. Its number of attempts fences it: whoever takes a job again, since its worker
seemed dead, makes a later attempt, after which the earlier one writes no outcome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from songradar.db.errors import NotAllowed

SEARCH_PATH = "SET LOCAL search_path = pg_catalog, songradar_farm, pg_temp"
"""Lets procrastinate, which names no schema, find its tables for the length of a transaction."""

_MAY_USE = "SELECT has_schema_privilege('songradar_farm', 'USAGE')"

# In one order, so that two who give the same files never deadlock.
_ENQUEUE = """
    INSERT INTO songradar.farm_files (source, host)
    SELECT source, %(host)s FROM unnest(%(sources)s::text[]) AS f (source) ORDER BY source
        ON CONFLICT (md5(source), host) DO UPDATE
       SET job = NULL, enqueued_at = now(), attempt = 0, faults = 0, worker = NULL, outcome = NULL, reason = NULL,
           ended_at = NULL
     WHERE farm_files.outcome IS NOT NULL
    RETURNING id, source
"""

_ASSIGN = """
    UPDATE songradar.farm_files AS f SET job = g.job FROM unnest(%s::bigint[], %s::bigint[]) AS g (id, job)
     WHERE f.id = g.id
"""

_TAKE = """
    UPDATE songradar.farm_files
       SET attempt = %(attempt)s, worker = %(worker)s
     WHERE job = %(job)s AND attempt <= %(attempt)s AND outcome IS NULL
    RETURNING id, source, host, faults
"""

# Who brings an outcome is alive, whatever has become of its heartbeat.
_END = """
    WITH beat AS (
        UPDATE songradar_farm.procrastinate_workers SET last_heartbeat = now() WHERE id = %(number)s
    )
    UPDATE songradar.farm_files
       SET outcome = %(outcome)s, reason = %(reason)s, ended_at = now()
     WHERE id = %(id)s AND attempt = %(attempt)s
"""

_FAULT = """
    UPDATE songradar.farm_files
       SET faults = faults + 1, reason = %(reason)s, worker = NULL
     WHERE id = %(id)s AND attempt = %(attempt)s
"""

_RELEASE = """
    UPDATE songradar.farm_files SET worker = NULL WHERE job = %(job)s AND attempt = %(attempt)s AND outcome IS NULL
"""

_FAIL = """
    UPDATE songradar.farm_files
       SET outcome = 'failed', reason = %(reason)s, ended_at = now()
     WHERE job = %(job)s AND attempt = %(attempt)s AND outcome IS NULL
"""

_HAND_BACK = """
    WITH orphan AS (
        SELECT j.id
          FROM songradar_farm.procrastinate_jobs AS j
          LEFT JOIN songradar_farm.procrastinate_workers AS w ON w.id = j.worker_id
         WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - make_interval(secs => %s))
           FOR UPDATE OF j SKIP LOCKED
    )
    SELECT count(songradar_farm.procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL)) FROM orphan
"""

_STATE = """
    SELECT (SELECT count(*) FROM songradar_farm.procrastinate_jobs WHERE status = 'todo') AS jobs_waiting,
           (SELECT count(*) FROM songradar_farm.procrastinate_jobs WHERE status = 'doing') AS jobs_working,
           (SELECT count(*) FROM songradar_farm.procrastinate_workers
             WHERE last_heartbeat > now() - make_interval(secs => %s)) AS workers
"""


@dataclass(frozen=True)
class FarmFile:
    """A file that a worker has taken: its name on the machine `host`, and how often the network was in its way."""

    id: int
    source: str
    host: str
    faults: int


@dataclass(frozen=True)
class Attempt:
    """Who works on a job: `number` is the worker's in the queue, `attempt` counts how often the job was handed back."""

    job: int
    attempt: int
    worker: str
    number: int | None


@dataclass(frozen=True)
class Queue:
    """Jobs that wait and that are worked on, and workers that are alive."""

    jobs_waiting: int
    jobs_working: int
    workers: int

    @property
    def is_empty(self) -> bool:
        return not (self.jobs_waiting or self.jobs_working)


def check_rights(connection: psycopg.Connection) -> None:
    """Raise NotAllowed for a role that may not ingest, and so has no business in the farm."""
    if connection.execute(_MAY_USE).fetchone() != (True,):
        me = connection.info.user
        raise NotAllowed(f"{me} has no rights in the farm: its owner may run songradar db grant {me} --write")


def enqueue(connection: psycopg.Connection, host: str, sources: Sequence[str]) -> list[tuple[int, str]]:
    """Give files to the farm; (number, source) of those that were not waiting in it already, in the order given."""
    new = {source: number for number, source in connection.execute(_ENQUEUE, {"host": host, "sources": list(sources)})}
    return [(new[source], source) for source in sources if source in new]


def assign(connection: psycopg.Connection, jobs: Mapping[int, int]) -> None:
    """Write down to which job each file belongs, by their numbers."""
    connection.execute(_ASSIGN, [list(jobs), list(jobs.values())])


def take(connection: psycopg.Connection, attempt: Attempt) -> list[FarmFile]:
    """The files of a job that have no outcome, in the order in which they were enqueued; they are the attempt's now."""
    with connection.cursor(row_factory=class_row(FarmFile)) as cursor:
        return sorted(cursor.execute(_TAKE, vars(attempt)).fetchall(), key=lambda file: file.id)


def end(connection: psycopg.Connection, attempt: Attempt, file: FarmFile, outcome: str, reason: str | None) -> bool:
    """Write down what became of a file; False where another attempt has taken it meanwhile."""
    parameters = vars(attempt) | {"id": file.id, "outcome": outcome, "reason": reason}
    return connection.execute(_END, parameters).rowcount == 1


def fault(connection: psycopg.Connection, attempt: Attempt, file: FarmFile, reason: str | None) -> None:
    """Write down that the network was in the way of a file, which is to be tried again."""
    connection.execute(_FAULT, vars(attempt) | {"id": file.id, "reason": reason})


def release(connection: psycopg.Connection, attempt: Attempt) -> None:
    """Nobody has what is left of a job."""
    connection.execute(_RELEASE, vars(attempt))


def fail(connection: psycopg.Connection, attempt: Attempt, reason: str) -> None:
    """What is left of a job has failed."""
    connection.execute(_FAIL, vars(attempt) | {"reason": reason})


def hand_back(connection: psycopg.Connection, silent_s: float) -> int:
    """Let others take the jobs of workers that are gone, or have been silent for so long; how many there were."""
    row = connection.execute(_HAND_BACK, [silent_s]).fetchone()
    assert row is not None
    return int(row[0])


def queue(connection: psycopg.Connection, silent_s: float) -> Queue:
    """What is in the queue; workers that have been silent for longer are not counted."""
    with connection.cursor(row_factory=class_row(Queue)) as cursor:
        found = cursor.execute(_STATE, [silent_s]).fetchone()
    assert found is not None
    return found


def files_by_state(connection: psycopg.Connection) -> dict[tuple[str, str | None], int]:
    """How many files there are in each state, with each outcome."""
    rows = connection.execute("SELECT state, outcome, count(*) FROM songradar.farm_v1 GROUP BY 1, 2 ORDER BY 1, 2")
    return {(state, outcome): n for state, outcome, n in rows}
