"""The encoders of a catalogue: add, choose, remove. Each has a partition of `fragments`."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import errors, sql
from sqlalchemy import Connection, Engine, bindparam, func, insert, null, select, text, update
from sqlalchemy.types import UserDefinedType

from songradar.db.errors import EncoderMismatch, EncoderUnknown, NotAllowed, TransactionsInTheWay
from songradar.db.models import EncoderRow, EncodingRow

LOCK_S = 15
"""How long detaching a partition waits for transactions that use its fragments; nobody waits behind it."""

DROP_LOCK_S, DROP_TRIES = 1, 15
"""How long dropping a partition waits at a time, and how often: its foreign key makes searches wait behind it."""

# A partition without an encoder is what an interrupted removal leaves.
_ORPHANS = """
    SELECT c.oid::regclass::text, i.inhparent IS NOT NULL, coalesce(i.inhdetachpending, false)
      FROM pg_class AS c
      LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
     WHERE c.relnamespace = 'songradar'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^fragments_[0-9]+$'
       AND NOT EXISTS (SELECT FROM songradar.encoders AS e WHERE c.relname = 'fragments_' || e.id)
"""

_MAY_CHANGE = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'songradar.encoders'::regclass"


@dataclass(frozen=True)
class NewEncoder:
    """An encoder to be stored, with the contents of its files."""

    name: str
    sha256: bytes
    spec: Mapping[str, Any]
    cohort: Sequence[Sequence[Sequence[float]]] | None
    calibration: Mapping[str, Any] | None
    metrics: Mapping[str, Any]
    card: str
    onnx: bytes


@dataclass(frozen=True)
class EncoderSummary:
    """An encoder without its network, and how much it has encoded."""

    name: str
    kind: str
    active: bool
    sha256: bytes
    created_at: datetime
    onnx_bytes: int
    songs: int
    fragments: int


def add_encoder(engine: Engine, new: NewEncoder) -> bool:
    """Store an encoder with a partition for its fragments; the first one becomes active.

    Returns False if it is there already; then only its cohort, calibration, metrics and card are updated. Raises
    EncoderMismatch when the name is that of another network, or the network is stored under another name. Embeddings of
    two networks cannot be compared, so neither is overwritten.
    """
    with engine.begin() as connection:
        return add_encoder_to(connection, new)


def add_encoder_to(connection: Connection, new: NewEncoder) -> bool:
    """The same, within a transaction of the caller."""
    # Songs come first, as add_partition_v1 explains. The lock of encoders is for two processes that start on an
    # empty database and may both come here.
    connection.execute(text("LOCK TABLE songradar.songs, songradar.encoders IN SHARE ROW EXCLUSIVE MODE"))
    known = connection.execute(
        select(EncoderRow.name, EncoderRow.sha256).where(
            (EncoderRow.name == new.name) | (EncoderRow.sha256 == new.sha256)
        )
    ).all()
    if (new.name, new.sha256) in [tuple(row) for row in known]:
        facts = {"calibration": new.calibration, "metrics": new.metrics, "card": new.card} | _cohort(new)
        connection.execute(update(EncoderRow).where(EncoderRow.name == new.name).values(**facts))
        return False
    if known:
        what = "is another network" if known[0].name == new.name else f"is the same network as {new.name}"
        raise EncoderMismatch(f"the encoder {known[0].name} in the database {what}")
    first = not connection.scalar(select(func.count()).select_from(EncoderRow))
    added = insert(EncoderRow).values(**vars(new) | _cohort(new), active=first).returning(EncoderRow.id)
    encoder_id = connection.execute(added).scalar_one()
    connection.execute(text("SELECT songradar.add_partition_v1(:id)"), {"id": encoder_id})
    return True


class _Untyped(UserDefinedType[str]):
    """A parameter that takes the type of the column it is for."""

    cache_ok = True


def _cohort(new: NewEncoder) -> dict[str, Any]:
    """The cohort as text, which needs no name of pgvector's types: their schema is not in the search path."""
    if new.cohort is None:
        return {"cohort": null()}
    stretches = ("{" + ",".join(f'"{list(embedding)}"' for embedding in stretch) + "}" for stretch in new.cohort)
    return {"cohort": bindparam(None, "{" + ",".join(stretches) + "}", _Untyped())}


def encoders(engine: Engine) -> list[EncoderSummary]:
    """All encoders, by name."""
    extent = (
        select(
            EncodingRow.encoder_id,
            func.count().label("songs"),
            func.sum(EncodingRow.n_fragments).label("fragments"),
        )
        .group_by(EncodingRow.encoder_id)
        .subquery()
    )
    statement = (
        select(
            EncoderRow.name,
            EncoderRow.kind,
            EncoderRow.active,
            EncoderRow.sha256,
            EncoderRow.created_at,
            func.octet_length(EncoderRow.onnx),
            func.coalesce(extent.c.songs, 0),
            func.coalesce(extent.c.fragments, 0),
        )
        .outerjoin(extent, extent.c.encoder_id == EncoderRow.id)
        .order_by(EncoderRow.name)
    )
    with engine.connect() as connection:
        return [EncoderSummary(*row) for row in connection.execute(statement)]


def use_encoder(engine: Engine, name: str) -> None:
    """Make `name` the one that ingestion and search use. Raises EncoderUnknown."""
    with engine.begin() as connection:
        # Without the lock, of two processes that choose at once neither sees the other's choice: both would be active.
        connection.execute(text("LOCK TABLE songradar.encoders IN SHARE ROW EXCLUSIVE MODE"))
        _id_of(connection, name)
        connection.execute(update(EncoderRow).where(EncoderRow.active).values(active=False))
        connection.execute(update(EncoderRow).where(EncoderRow.name == name).values(active=True))


def set_calibration(engine: Engine, name: str, calibration: Mapping[str, Any]) -> None:
    """Let searches with encoder `name` go by this calibration. Raises EncoderUnknown."""
    with engine.begin() as connection:
        number = _id_of(connection, name)
        connection.execute(update(EncoderRow).where(EncoderRow.id == number).values(calibration=dict(calibration)))


def remove_encoder(connection: psycopg.Connection, name: str) -> int:
    """Remove an encoder and all its fragments; returns how many. Searches and ingestion go on meanwhile.

    First the encoder goes, so that nobody asks for its fragments any more; then its partition is detached, which waits
    for those who use it, and dropped. Interrupted after the first step, the next removal or `db reindex` clears the
    rest away. Raises EncoderUnknown, NotAllowed, TransactionsInTheWay.
    """
    row = connection.execute(_MAY_CHANGE).fetchone()
    if row is None or not row[0]:
        raise NotAllowed("encoders are removed by the owner of the schema songradar alone")
    clear_orphans(connection)
    count = connection.execute(
        "SELECT e.id, coalesce((SELECT sum(n_fragments) FROM songradar.encodings WHERE encoder_id = e.id), 0)"
        "  FROM songradar.encoders AS e WHERE e.name = %s",
        [name],
    ).fetchone()
    if count is None:
        raise _unknown(name)
    connection.execute("DELETE FROM songradar.encoders WHERE id = %s", [count[0]])
    clear_orphans(connection)
    return int(count[1])


def clear_orphans(connection: psycopg.Connection) -> None:
    """Detach and drop the partitions whose encoder is gone. Raises TransactionsInTheWay."""
    try:
        for table, is_attached, is_pending in connection.execute(_ORPHANS).fetchall():
            name = sql.SQL(table)
            if is_attached:
                how = sql.SQL("FINALIZE" if is_pending else "CONCURRENTLY")
                detach = sql.SQL("ALTER TABLE songradar.fragments DETACH PARTITION {} {}").format(name, how)
                _run_briefly(connection, detach, LOCK_S)
            _drop(connection, name)
    except errors.LockNotAvailable as error:
        raise TransactionsInTheWay(
            f"the encoder is removed, but its fragments still take space, as somebody has used them for {LOCK_S} s"
            " without a break: songradar db reindex clears them away later"
        ) from error


def _drop(connection: psycopg.Connection, table: sql.SQL) -> None:
    for attempt in range(1, DROP_TRIES + 1):
        try:
            _run_briefly(connection, sql.SQL("DROP TABLE {}").format(table), DROP_LOCK_S)
            return
        except errors.LockNotAvailable:
            if attempt == DROP_TRIES:
                raise
            time.sleep(DROP_LOCK_S)  # those who waited get their turn


def _run_briefly(connection: psycopg.Connection, statement: sql.Composed, lock_s: int) -> None:
    """Run a statement that must stand outside a transaction; it waits at most `lock_s` seconds for a lock."""
    connection.execute(f"SET lock_timeout = '{lock_s}s'")
    try:
        connection.execute(statement)
    finally:
        connection.execute("RESET lock_timeout")


def read_whole(engine: Engine, name: str) -> NewEncoder:
    """All that is stored of an encoder. Raises EncoderUnknown."""
    columns = [getattr(EncoderRow, field) for field in NewEncoder.__dataclass_fields__]
    with engine.connect() as connection:
        row = connection.execute(select(*columns).where(EncoderRow.name == name)).one_or_none()
    if row is None:
        raise _unknown(name)
    return NewEncoder(*row)


def _id_of(connection: Connection, name: str) -> int:
    found = connection.scalar(select(EncoderRow.id).where(EncoderRow.name == name).with_for_update(key_share=True))
    if found is None:
        raise _unknown(name)
    return int(found)


def _unknown(name: str) -> EncoderUnknown:
    return EncoderUnknown(f"there is no encoder called {name}: see songradar encoders list")
