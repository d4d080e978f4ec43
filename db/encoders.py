"""The encoders of a catalogue: add, choose, remove. Each has a partition of `fragments`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from db import indexing
from db.engine import EXTENSION_SCHEMA
from db.errors import EncoderMismatch, EncoderUnknown
from db.models import Encoder, Fragment

_PARTITION = """
    CREATE TABLE songradar.fragments_{id} (
        LIKE songradar.fragments INCLUDING ALL,
        PRIMARY KEY (song_id, position) WITH (fillfactor = 100),
        CONSTRAINT of_encoder CHECK (encoder_id = {id})
    );
    ALTER TABLE songradar.fragments ATTACH PARTITION songradar.fragments_{id} FOR VALUES IN ({id});
    ALTER TABLE songradar.fragments_{id} DROP CONSTRAINT of_encoder;
"""
"""A partition that is attached, rather than created in place, lets searches go on. The number song_id leads in its key,
so that removing a song finds its fragments by index; songs come in the order of their numbers, so no entry will want
room between others."""


@dataclass(frozen=True)
class NewEncoder:
    """What `encoders add` brings: a folder's files, read."""

    name: str
    sha256: bytes
    spec: Mapping[str, Any]
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

    False if it is there already; then only what is known of it, calibration, metrics and card, is brought up to date.
    Raises EncoderMismatch when the name stands for another network, or the network has another name: embeddings of two
    networks do not compare, so neither is overwritten.
    """
    with engine.begin() as connection:
        # An ingestion writes songs, then fragments. A new partition's foreign keys lock songs, so that lock comes
        # first: else the ingestion might wait for us and we for it. That of encoders is for two processes that start
        # on an empty database and may both come here.
        connection.execute(text("LOCK TABLE songradar.songs, songradar.encoders IN SHARE ROW EXCLUSIVE MODE"))
        known = connection.execute(
            select(Encoder.name, Encoder.sha256).where((Encoder.name == new.name) | (Encoder.sha256 == new.sha256))
        ).all()
        if (new.name, new.sha256) in [tuple(row) for row in known]:
            facts = {"calibration": new.calibration, "metrics": new.metrics, "card": new.card}
            connection.execute(update(Encoder).where(Encoder.name == new.name).values(**facts))
            return False
        if known:
            what = "is another network" if known[0].name == new.name else f"is the same network as {new.name}"
            raise EncoderMismatch(f"the encoder {known[0].name} in the database {what}")
        first = not connection.scalar(select(func.count()).select_from(Encoder))
        added = insert(Encoder).values(**vars(new), active=first).returning(Encoder.id)
        encoder_id = connection.execute(added).scalar_one()
        connection.exec_driver_sql(_PARTITION.format(id=encoder_id))
        extension_schema = connection.execute(text(EXTENSION_SCHEMA)).scalar_one()
        connection.exec_driver_sql(indexing.create(encoder_id, extension_schema))
        # The name is checked by the table, so it needs no quoting here.
        connection.execute(
            text(f"COMMENT ON TABLE songradar.fragments_{encoder_id} IS 'Fragments of encoder {new.name}.'")
        )
        return True


def encoders(engine: Engine) -> list[EncoderSummary]:
    """All encoders, by name."""
    extent = (
        select(Fragment.encoder_id, func.count().label("n"), func.count(Fragment.song_id.distinct()).label("n_songs"))
        .group_by(Fragment.encoder_id)
        .subquery()
    )
    statement = (
        select(
            Encoder.name,
            Encoder.kind,
            Encoder.active,
            Encoder.sha256,
            Encoder.created_at,
            func.octet_length(Encoder.onnx),
            func.coalesce(extent.c.n_songs, 0),
            func.coalesce(extent.c.n, 0),
        )
        .outerjoin(extent, extent.c.encoder_id == Encoder.id)
        .order_by(Encoder.name)
    )
    with engine.connect() as connection:
        return [EncoderSummary(*row) for row in connection.execute(statement)]


def use_encoder(engine: Engine, name: str) -> None:
    """Make `name` the one that ingestion and search use. Raises EncoderUnknown."""
    with engine.begin() as connection:
        # Of two who choose at once, one would else not see what the other has chosen, and both were active.
        connection.execute(text("LOCK TABLE songradar.encoders IN SHARE ROW EXCLUSIVE MODE"))
        _id_of(connection, name)
        connection.execute(update(Encoder).where(Encoder.active).values(active=False))
        connection.execute(update(Encoder).where(Encoder.name == name).values(active=True))


def remove_encoder(engine: Engine, name: str) -> int:
    """Remove an encoder and all its fragments; returns how many. Raises EncoderUnknown."""
    with engine.begin() as connection:
        # Before the encoder's row, in the order of an ingestion: else each may wait for the other.
        connection.execute(text("LOCK TABLE songradar.songs, songradar.fragments IN ACCESS EXCLUSIVE MODE"))
        encoder_id = _id_of(connection, name)
        n_fragments = connection.scalar(select(func.count()).where(Fragment.encoder_id == encoder_id)) or 0
        connection.execute(text(f"DROP TABLE songradar.fragments_{encoder_id}"))
        connection.execute(delete(Encoder).where(Encoder.id == encoder_id))
        return n_fragments


def read_whole(engine: Engine, name: str) -> NewEncoder:
    """All that is stored of an encoder. Raises EncoderUnknown."""
    columns = [getattr(Encoder, field) for field in NewEncoder.__dataclass_fields__]
    with engine.connect() as connection:
        row = connection.execute(select(*columns).where(Encoder.name == name)).one_or_none()
    if row is None:
        raise EncoderUnknown(f"there is no encoder called {name}: see songradar encoders list")
    return NewEncoder(*row)


def _id_of(connection: Connection, name: str) -> int:
    found = connection.scalar(select(Encoder.id).where(Encoder.name == name).with_for_update())
    if found is None:
        raise EncoderUnknown(f"there is no encoder called {name}: see songradar encoders list")
    return int(found)
