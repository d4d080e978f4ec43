"""The SQL files that revisions run; a released file never changes, so neither does what a revision does."""

from importlib.resources import files

from sqlalchemy import TextClause, text


def read(name: str, *, again: bool = False) -> TextClause:
    """The statements in `db/sql/<name>.sql`; their colons are not read as bind parameters.

    With `again`, a function takes the place of a later form of it, as a downgrade needs.
    """
    statements = files("songradar.db").joinpath("sql", f"{name}.sql").read_text("utf-8").replace(":", r"\:")
    return text(statements.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION") if again else statements)
