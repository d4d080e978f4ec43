"""Where a catalogue is, what is in it, and what its owner might do for it."""

from typing import Any

from songradar import encoders
from songradar.catalogue import Catalogue
from songradar.db.connection import revision
from songradar.db.indexing import indexes
from songradar.db.statistics import advice, statistics, versions


def status(catalogue: Catalogue) -> dict[str, Any]:
    """The facts, as JSON has them. `songs_not_encoded` is there only if the active encoder has not encoded some."""
    with catalogue.connection() as connection:
        postgresql, pgvector = versions(connection)
        found = statistics(connection)
        schema = revision(connection)
        where = f"{connection.info.host}:{connection.info.port}/{connection.info.dbname}"
        if catalogue.server.is_embedded:
            (where,) = connection.execute("SHOW data_directory").fetchone() or (where,)
    active = next((encoder for encoder in encoders.summaries(catalogue) if encoder.active), None)
    facts = {
        "database": where,
        "postgresql": postgresql,
        "pgvector": pgvector,
        "schema": schema,
        "encoder": active.name if active else None,
        "songs": found.songs,
        "hours": round(found.hours, 2),
        "fragments": found.fragments,
        "searches": found.searches,
    }
    if active and active.songs < found.songs:
        facts["songs_not_encoded"] = found.songs - active.songs
    return facts


def advised(catalogue: Catalogue) -> list[str]:
    """What its owner might do for the catalogue, a sentence each."""
    with catalogue.connection() as connection:
        return advice(connection, catalogue.server, statistics(connection), indexes(connection))
