"""The index of codes of each encoder: how many lists it should have, and making it anew while searches go on.

IVFFlat divides codes into lists by likeness when it is built; a search looks into the few lists nearest to it. Later
fragments join the list they are nearest to, so lists grow with the catalogue, and with them the time of a search: an
index whose lists have outgrown their size is built again, beside the old one, and takes its place.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from db.engine import EXTENSION_SCHEMA, connect
from db.errors import EncoderUnknown, IndexBusy, NotAllowed

ROWS_PER_LIST = 500
"""Where searches look into as many rows, lists of 500 find more than those of 333 or 1000 (a million fragments)."""

MAX_LISTS = 32_768
"""pgvector's own limit."""

BYTES_PER_LIST_SQUARED = 220
"""pgvector's k-means keeps a bound for each of 50 samples a list and each list, and the distances between lists."""

OUTGROWN = 2.0
"""An index is built again when the catalogue wants this many times the lists it has."""

OUTGROWN_BY_FAR = 4.0
"""The same while an ingestion is under way."""

_LOCK = 7_146_283_906  # with the encoder's number added: one rebuild of an index at a time

_INDEXES = """
    SELECT e.id AS encoder_id, e.name AS encoder, pg_has_role(c.relowner, 'USAGE') AS is_mine,
           (CASE WHEN c.relpages > 0 AND c.reltuples >= 0 THEN c.reltuples / c.relpages ELSE 44 END
            * pg_relation_size(c.oid) / current_setting('block_size')::int)::bigint AS rows,
           coalesce(substring(array_to_string(i.reloptions, ',') FROM 'lists=(\\d+)')::int, 100) AS lists
      FROM songradar.encoders AS e
      JOIN pg_class AS c ON c.oid = to_regclass('songradar.fragments_' || e.id)
      JOIN pg_class AS i ON i.oid = coalesce(to_regclass('songradar.fragments_' || e.id || '_code_idx'),
                                             to_regclass('songradar.fragments_' || e.id || '_code_new'))
     ORDER BY e.id
"""

_STATE = """
    SELECT x.indisvalid, to_regclass('songradar.' || %(old)s) IS NOT NULL
      FROM pg_index AS x
     WHERE x.indexrelid = to_regclass('songradar.' || %(new)s)
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
    """The index of one encoder's fragments; `rows` is the planner's estimate."""

    encoder_id: int
    encoder: str
    is_mine: bool
    rows: int
    lists: int

    @property
    def name(self) -> str:
        return f"fragments_{self.encoder_id}_code_idx"

    @property
    def new_name(self) -> str:
        """What its successor is called until it takes over."""
        return f"fragments_{self.encoder_id}_code_new"

    @property
    def table(self) -> str:
        return f"fragments_{self.encoder_id}"

    def lists_wanted(self, memory_bytes: int) -> int:
        """Lists for as many rows, as far as `memory_bytes` lets them be made.

        >>> CodeIndex(1, "contrastive", True, rows=600_000, lists=1).lists_wanted(2**30)
        1200
        """
        affordable = math.isqrt(memory_bytes // BYTES_PER_LIST_SQUARED)
        return max(1, min(self.rows // ROWS_PER_LIST, affordable, MAX_LISTS))

    def is_outgrown(self, memory_bytes: int, factor: float = OUTGROWN) -> bool:
        return self.lists_wanted(memory_bytes) >= factor * self.lists


def create(encoder_id: int, extension_schema: str) -> str:
    """The statement that gives a new partition its index: one list, until there is something to divide."""
    return _definition(f"fragments_{encoder_id}_code_idx", f"fragments_{encoder_id}", extension_schema, lists=1)


def indexes(connection: psycopg.Connection, encoder: str | None = None) -> list[CodeIndex]:
    """Of all encoders, or of one. Raises EncoderUnknown."""
    with connection.cursor(row_factory=class_row(CodeIndex)) as cursor:
        found = cursor.execute(_INDEXES).fetchall()
    chosen = [index for index in found if encoder in (None, index.encoder)]
    if encoder and not chosen:
        raise EncoderUnknown(f"there is no encoder called {encoder}: see songradar encoders list")
    return chosen


def memory_for_building(connection: psycopg.Connection) -> int:
    """Bytes a build may use: a quarter of the memory of this machine, or what a server elsewhere is set to."""
    row = connection.execute("SELECT pg_size_bytes(current_setting('maintenance_work_mem'))").fetchone()
    assert row is not None
    if not _is_local(connection.info.host):
        return int(row[0])
    import psutil

    return max(int(row[0]), psutil.virtual_memory().total // 4)


def rebuild(index: CodeIndex, lists: int | None = None, on_progress: OnProgress = lambda _phase, _share: None) -> int:
    """Build the index again with `lists` lists [as many as its rows want]; returns how many.

    Searches and ingestion go on meanwhile, with the old index. Interrupted, it leaves that one in place; the next
    rebuild clears away what is left. Raises IndexBusy, NotAllowed.
    """
    _check_owner(index)
    with connect() as connection, connect() as observer:
        if connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK + index.encoder_id]).fetchone() != (True,):
            raise IndexBusy(f"the index of {index.encoder} is being built already")
        _settle(connection, index)
        memory = memory_for_building(connection)
        lists = lists or index.lists_wanted(memory)
        connection.execute("SELECT set_config('maintenance_work_mem', %s, false)", [f"{memory // 1024}kB"])
        found = connection.execute(EXTENSION_SCHEMA).fetchone()
        assert found is not None, "the schema needs pgvector, so it is there"
        build = _definition(index.new_name, index.table, found[0], lists, "CONCURRENTLY ")
        _run_watched(connection, build, observer, on_progress)
        _settle(connection, index)
        # After a first load nothing is known of the rows, and plans for so many need to be good.
        connection.execute(f"ANALYZE songradar.{index.table}".encode())
    return lists


def tidy(index: CodeIndex, on_progress: OnProgress = lambda _phase, _share: None) -> int:
    """Free what removed fragments took, and build the index again; returns its lists.

    Its lists hold no removed fragments afterwards, and so many others as they should. Raises IndexBusy, NotAllowed.
    """
    _check_owner(index)
    with connect() as connection, connect() as observer:
        table, primary = f"songradar.{index.table}", f"songradar.{index.table}_pkey"
        on_progress("vacuum", 0.0)
        connection.execute(f"VACUUM (ANALYZE) {table}".encode())
        _run_watched(connection, f"REINDEX INDEX CONCURRENTLY {primary}", observer, on_progress)
        (index,) = indexes(connection, index.encoder)  # VACUUM has counted its rows
    return rebuild(index, on_progress=on_progress)


def _check_owner(index: CodeIndex) -> None:
    if not index.is_mine:
        raise NotAllowed(f"the index of {index.encoder} belongs to the owner of the schema: they may run db reindex")


def _definition(name: str, table: str, extension_schema: str, lists: int, how: str = "") -> str:
    return (
        f"CREATE INDEX {how}{name} ON songradar.{table}"
        f" USING ivfflat ((songradar.code(embedding)::bit(192)) {extension_schema}.bit_hamming_ops)"
        f" WITH (lists = {lists})"
    )


def _settle(connection: psycopg.Connection, index: CodeIndex) -> None:
    """Let a finished successor take over, clear an unfinished one away."""
    old, new = sql.Identifier("songradar", index.name), sql.Identifier("songradar", index.new_name)
    state = connection.execute(_STATE, {"old": index.name, "new": index.new_name}).fetchone()
    if state is None:
        return
    is_whole, has_old = state
    if not is_whole:
        connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(new))
        return
    if has_old:
        connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(old))
    connection.execute(sql.SQL("ALTER INDEX {} RENAME TO {}").format(new, sql.Identifier(index.name)))


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
            connection.cancel_safe()
            raise


def _is_local(host: str) -> bool:
    return host.startswith("/") or host in ("", "localhost", "127.0.0.1", "::1")
