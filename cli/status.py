"""songradar status: where the catalogue is and what is in it."""

import click

from songradar import encoders
from songradar.catalogue import Catalogue
from songradar.cli.options import JSON
from songradar.cli.output import counted, print_json, warn
from songradar.db.connection import revision
from songradar.db.indexing import indexes
from songradar.db.statistics import advice, statistics, versions


@click.command()
@JSON
def status(as_json: bool) -> None:
    """Tell where the catalogue is, what is in it, and which encoder is active.

    \b
    songradar status
    """
    with Catalogue.open() as catalogue, catalogue.connection() as connection:
        postgresql, pgvector = versions(connection)
        found = statistics(connection)
        schema = revision(connection)
        where = f"{connection.info.host}:{connection.info.port}/{connection.info.dbname}"
        if catalogue.server.is_embedded:
            (where,) = connection.execute("SHOW data_directory").fetchone() or (where,)
        active = next((encoder for encoder in encoders.summaries(catalogue) if encoder.active), None)
        advised = advice(connection, catalogue.server, found, indexes(connection))
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
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        if key != "songs_not_encoded":
            click.echo(f"{key:<12}{'none yet: ingest brings the shipped one' if value is None else value}")
    if active and active.songs < found.songs:
        left = counted(found.songs - active.songs, "song")
        warn(f"advice: {left} cannot be found by encoder {active.name}: songradar encoders reencode {active.name}")
    for sentence in advised:
        warn(f"advice: {sentence}")
