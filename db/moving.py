"""Songs go from one database to another, with their numbers and fragments, as they are."""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from songradar.db.store import copying

_COLUMNS = """
    SELECT attname FROM pg_attribute
     WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     ORDER BY attnum
"""

_THERE = "SELECT id FROM songradar.songs WHERE id = ANY (%s)"

_ENCODERS = "SELECT DISTINCT encoder_id FROM songradar.encodings WHERE song_id = ANY (%s) ORDER BY encoder_id"

_FRAGMENTS = """
    COPY (SELECT encoder_id, song_id, position, embedding
            FROM songradar.fragments WHERE encoder_id = {} AND song_id = ANY ({})) TO STDOUT (FORMAT binary)
"""


def copy_songs(source: psycopg.Connection, target: psycopg.Connection, numbers: Sequence[int]) -> None:
    """Let `target` have these songs of `source`, too, in one transaction; those that it has already are left alone."""
    there = {number for (number,) in target.execute(_THERE, [list(numbers)])}
    wanted = [number for number in numbers if number not in there]
    with target.transaction():
        _copy_rows(source, target, "songs", "id", wanted)
        _copy_rows(source, target, "encodings", "song_id", wanted)
        for (encoder,) in source.execute(_ENCODERS, [wanted]).fetchall():
            statement = sql.SQL(_FRAGMENTS).format(encoder, sql.Literal(wanted))
            with source.cursor().copy(statement) as rows, copying(target, encoder) as copy:
                for block in rows:
                    copy.write(block)


def _copy_rows(
    source: psycopg.Connection, target: psycopg.Connection, table: str, key: str, numbers: Sequence[int]
) -> None:
    """The rows of a table whose `key` is one of `numbers`."""
    of = sql.Identifier("songradar", table)
    names = [name for (name,) in source.execute(_COLUMNS, [f"songradar.{table}"])]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    out = sql.SQL("COPY (SELECT {} FROM {} WHERE {} = ANY ({})) TO STDOUT (FORMAT binary)").format(
        columns, of, sql.Identifier(key), sql.Literal(list(numbers))
    )
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(of, columns)
    with source.cursor().copy(out) as rows, target.cursor().copy(into) as copy:
        for block in rows:
            copy.write(block)
