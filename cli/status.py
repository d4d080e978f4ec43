"""songradar status: where the catalogue is and what is in it."""

import click

from cli.output import print_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
def status(as_json: bool) -> None:
    """Tell where the catalogue is, what is in it, and which encoder is active.

    \b
    songradar status
    """
    from db.engine import connect, is_embedded, revision
    from db.statistics import statistics, versions

    with connect() as connection:
        postgresql, pgvector = versions(connection)
        found = statistics(connection)
        active = connection.execute("SELECT name FROM songradar.encoders WHERE active").fetchone()
        schema = revision(connection)
        where = f"{connection.info.host}:{connection.info.port}/{connection.info.dbname}"
        if is_embedded():
            (where,) = connection.execute("SHOW data_directory").fetchone() or (where,)
    facts = {
        "database": where,
        "postgresql": postgresql,
        "pgvector": pgvector,
        "schema": schema,
        "encoder": active[0] if active else None,
        "songs": found.songs,
        "hours": round(found.hours, 2),
        "fragments": found.fragments,
        "searches": found.searches,
    }
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        click.echo(f"{key:<12}{'none yet: ingest brings the shipped one' if value is None else value}")
