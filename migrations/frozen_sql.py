"""The SQL files that revisions run; a released file never changes, so neither does what a revision does."""

from importlib.resources import files

from sqlalchemy import TextClause, text


def read(name: str) -> TextClause:
    """The statements in `db/sql/<name>.sql`; their colons are not read as bind parameters."""
    return text(files("songradar.db").joinpath("sql", f"{name}.sql").read_text("utf-8").replace(":", r"\:"))
