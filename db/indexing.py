"""The index of codes of each encoder: how many lists it should have, and building it again while searches go on.

IVFFlat divides codes into lists by likeness when it is built; a search looks into the few lists nearest to it. Later
fragments join the list they are nearest to, so lists grow with the catalogue, and with them the time of a search: an
index whose lists have outgrown their size is built again with more of them.

PostgreSQL builds it concurrently: an index `..._ccnew` grows beside the old one and takes its place when it is whole.
That waits for every transaction of the database, so an idle one elsewhere keeps it from ending.
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg import errors, sql
from psycopg.rows import class_row

from songradar.db.connection import Server, connect_directly
from songradar.db.errors import EncoderUnknown, IndexBusy, NotAllowed, TransactionsInTheWay

ROWS_PER_LIST = 500
"""For the same number of rows read, lists of 500 find more than those of 333 or 1000 (among a million fragments)."""

MAX_LISTS = 32_768
"""pgvector's own limit."""

BYTES_PER_LIST_SQUARED = 220
"""Bytes of memory that building n lists takes, divided by n squared.

pgvector's k-means draws 50 samples for each list and keeps a bound for every pair of sample and list, and the distances
between all lists.
"""

OUTGROWN = 2.0
"""An index is built again when its rows call for this many times the lists that it has."""

OUTGROWN_BY_FAR = 4.0
"""The same while an ingestion is under way."""

LOCK_S = 30
"""How long a build waits for transactions of others. After that it is tried once more, and then given up."""

_LOCK = 7_146_283_906  # an advisory lock, with the encoder's number added: an index is rebuilt by one process at a time

_MARK = "being built again"
"""An index's comment from when its number of lists is changed until it has them, so that a kill in between is seen."""

_INDEXES = f"""
    SELECT e.id AS encoder_id, e.name AS encoder, pg_has_role(c.relowner, 'USAGE') AS is_mine,
           (CASE WHEN c.relpages > 0 AND c.reltuples >= 0 THEN c.reltuples / c.relpages ELSE 44 END
            * pg_relation_size(c.oid) / current_setting('block_size')::int)::bigint AS rows,
           coalesce(substring(array_to_string(i.reloptions, ',') FROM 'lists=(\\d+)')::int, 100) AS lists,
           to_regclass('songradar.fragments_' || e.id || '_code_idx_ccnew') IS NOT NULL
           OR coalesce(obj_description(i.oid, 'pg_class') = '{_MARK}', false) AS is_unfinished
      FROM songradar.encoders AS e
      JOIN pg_class AS c ON c.oid = to_regclass('songradar.fragments_' || e.id)
      JOIN pg_class AS i ON i.oid = to_regclass('songradar.fragments_' || e.id || '_code_idx')
     ORDER BY e.id
"""

_LEFT_OVER = """
    SELECT x.indexrelid::regclass::text
      FROM pg_index AS x
      JOIN pg_class AS i ON i.oid = x.indexrelid
     WHERE x.indrelid = to_regclass('songradar.' || %s) AND NOT x.indisvalid AND i.relname ~ '_cc(new|old)[0-9]*$'
"""

_IN_THE_WAY = """
    SELECT a.pid, a.usename, a.application_name, date_trunc('second', now() - a.xact_start)::text
      FROM pg_stat_activity AS a
     WHERE a.datname = current_database() AND a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid()
     ORDER BY a.xact_start
     LIMIT 1
"""

_PROGRESS = """
    SELECT phase, CASE WHEN tuples_total > 0 THEN tuples_done::float / tuples_total
                       WHEN blocks_total > 0 THEN blocks_done::float / blocks_total ELSE 0 END
      FROM pg_stat_progress_create_index
     WHERE pid = %s
"""

OnProgress = Callable[[str, float], None]
"""Called now and then with the phase, in PostgreSQL's words, and the share of it that is done."""


@dataclass(frozen=True)
class CodeIndex:
    """The index of one encoder's fragments; `rows` is the planner's estimate.

    `is_unfinished` says that building it again is under way or was interrupted: how many lists it has is not known.
    """

    encoder_id: int
    encoder: str
    is_mine: bool
    rows: int
    lists: int
    is_unfinished: bool = False

    @property
    def name(self) -> str:
        return f"fragments_{self.encoder_id}_code_idx"

    @property
    def table(self) -> str:
        return f"fragments_{self.encoder_id}"

    def lists_wanted(self, memory_bytes: int) -> int:
        """The number of lists for the index's rows, or fewer if `memory_bytes` does not suffice to build so many.

        >>> CodeIndex(1, "contrastive", True, rows=600_000, lists=1).lists_wanted(2**30)
        1200
        """
        affordable = math.isqrt(memory_bytes // BYTES_PER_LIST_SQUARED)
        return max(1, min(self.rows // ROWS_PER_LIST, affordable, MAX_LISTS))

    def is_outgrown(self, memory_bytes: int, factor: float = OUTGROWN) -> bool:
        return self.is_unfinished or self.lists_wanted(memory_bytes) >= factor * self.lists


def indexes(connection: psycopg.Connection, encoder: str | None = None) -> list[CodeIndex]:
    """The indexes of all encoders, or of one. Raises EncoderUnknown."""
    with connection.cursor(row_factory=class_row(CodeIndex)) as cursor:
        found = cursor.execute(_INDEXES).fetchall()
    chosen = [index for index in found if encoder in (None, index.encoder)]
    if encoder and not chosen:
        raise EncoderUnknown(f"there is no encoder called {encoder}: see songradar encoders list")
    return chosen


def memory_for_building(connection: psycopg.Connection, server: Server) -> int:
    """Bytes a build may use: maintenance_work_mem; on the embedded server at least a quarter of the memory."""
    row = connection.execute("SELECT pg_size_bytes(current_setting('maintenance_work_mem'))").fetchone()
    assert row is not None
    if not server.is_embedded:
        return int(row[0])
    import psutil  # only here, so that searches do without it

    return max(int(row[0]), psutil.virtual_memory().total // 4)


def rebuild(
    server: Server,
    index: CodeIndex,
    lists: int | None = None,
    on_progress: OnProgress = lambda _phase, _share: None,
) -> int:
    """Build the index again with `lists` lists [as many as its rows want]; returns how many.

    Searches and ingestion go on meanwhile, with the old index, which also stays when this is interrupted; the next
    rebuild clears away what is left. Raises IndexBusy, NotAllowed, TransactionsInTheWay.
    """
    _check_owner(index)
    with _alone(server, index) as connection, connect_directly(server) as observer:
        memory = memory_for_building(connection, server)
        wanted = lists or index.lists_wanted(memory)
        connection.execute("SELECT set_config('maintenance_work_mem', %s, false)", [f"{memory // 1024}kB"])
        # This changes only the number that the next build uses; the index keeps its lists until then.
        _patiently(connection, index, lambda: _announce(connection, index, wanted, _MARK))
        try:
            _reindex(connection, index, index.name, observer, on_progress)
        except BaseException:
            if not connection.closed:
                _announce(connection, index, index.lists, _MARK if index.is_unfinished else None)
            raise
        _patiently(connection, index, lambda: _announce(connection, index, wanted, None))
        # After a first load the planner has no statistics yet, and needs them for good plans on so many rows.
        connection.execute(sql.SQL("ANALYZE songradar.{}").format(sql.Identifier(index.table)))
    return wanted


def tidy(server: Server, index: CodeIndex, on_progress: OnProgress = lambda _phase, _share: None) -> int:
    """Free what removed fragments took, and build the index again; returns its lists.

    Afterwards its lists hold no removed fragments, and are of the right size. Raises IndexBusy, NotAllowed,
    TransactionsInTheWay.
    """
    _check_owner(index)
    with _alone(server, index) as connection, connect_directly(server) as observer:
        on_progress("vacuum", 0.0)
        connection.execute(sql.SQL("VACUUM (ANALYZE) songradar.{}").format(sql.Identifier(index.table)))
        _reindex(connection, index, f"{index.table}_pkey", observer, on_progress)
        (index,) = indexes(connection, index.encoder)  # VACUUM has counted its rows
    return rebuild(server, index, on_progress=on_progress)


def _check_owner(index: CodeIndex) -> None:
    if not index.is_mine:
        raise NotAllowed(f"the index of {index.encoder} belongs to the owner of the schema: they may run db reindex")


@contextmanager
def _alone(server: Server, index: CodeIndex) -> Iterator[psycopg.Connection]:
    """A connection with the exclusive right to build this index and a lock_timeout of LOCK_S. Raises IndexBusy."""
    with connect_directly(server) as connection:
        if connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK + index.encoder_id]).fetchone() != (True,):
            raise IndexBusy(f"the index of {index.encoder} is being built already")
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{LOCK_S}s"])
        yield connection


def _announce(connection: psycopg.Connection, index: CodeIndex, lists: int, mark: str | None) -> None:
    """Say how many lists the index is to have, and by `mark` that it does not have them yet."""
    name = sql.Identifier(index.name)
    with connection.transaction():
        connection.execute(sql.SQL("ALTER INDEX songradar.{} SET (lists = {})").format(name, lists))
        connection.execute(sql.SQL("COMMENT ON INDEX songradar.{} IS {}").format(name, sql.Literal(mark)))


def _reindex(
    connection: psycopg.Connection,
    index: CodeIndex,
    name: str,
    observer: psycopg.Connection,
    on_progress: OnProgress,
) -> None:
    statement = f"REINDEX INDEX CONCURRENTLY songradar.{name}"

    def build() -> None:
        _clear(connection, index)
        _run_watched(connection, statement, observer, on_progress)

    _patiently(connection, index, build)


def _patiently(connection: psycopg.Connection, index: CodeIndex, act: Callable[[], object]) -> None:
    """Call `act`, and once more if transactions of others block it.

    Raises TransactionsInTheWay, which names the oldest of them.
    """
    for attempt in (1, 2):
        try:
            act()
            return
        except errors.LockNotAvailable as error:
            found = connection.execute(_IN_THE_WAY).fetchone()
            if attempt == 1:
                continue
            who = "others"
            if found is not None:
                pid, role, application, age = found
                who = f"process {pid} of {role}{f' ({application})' if application else ''}, begun {age} ago"
            raise TransactionsInTheWay(
                f"the index of {index.encoder} cannot be built while a transaction stays open: {who}; the old index"
                " stays, try again when it has ended"
            ) from error


def _clear(connection: psycopg.Connection, index: CodeIndex) -> None:
    """Drop the invalid indexes that an interrupted build left beside the index or the primary key."""
    for (name,) in connection.execute(_LEFT_OVER, [index.table]).fetchall():
        connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}".encode())


def _run_watched(
    connection: psycopg.Connection, statement: str, observer: psycopg.Connection, on_progress: OnProgress
) -> None:
    """Run a long statement and report how far it is; an interruption cancels it."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(connection.execute, statement.encode())
        try:
            while True:
                try:
                    running.result(timeout=0.5)
                    return
                except TimeoutError:
                    phase = observer.execute(_PROGRESS, [connection.info.backend_pid]).fetchone()
                    if phase is not None:
                        on_progress(*phase)
        except BaseException:
            with suppress(psycopg.Error):  # a server that is gone cannot be asked to cancel, and that is what is raised
                connection.cancel_safe()
            raise
