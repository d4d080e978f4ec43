"""Edit what is known of songs: title, artist, album, collection and identifiers, one by one or from a table."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from songradar.catalogue import Catalogue
from songradar.db.songs import Change, StoredSong, edit_songs
from songradar.ml.tags import LONGEST, isrc_of, mbid_of

COLUMNS = ("title", "artist", "album", "collection", "isrc", "mbid")
"""What can be edited, besides the tags."""

READ_ONLY = ("duration_s", "source", "sha256", "added_at")
"""Columns of `songradar songs list --csv` that a table may have and that are not read."""

MAX_TAGS = 100
"""Tags that a song may have."""


class EditRefused(Exception):
    """A value that a song cannot have, or a table that cannot be read."""


def edit(catalogue: Catalogue, changes: Sequence[Change]) -> list[StoredSong]:
    """Change songs, all or none; returns those that are now other than they were, by number, as they are now.

    What is edited stays, whatever the tags of the song's file say later. `change` makes changes of text that people
    type. Raises SongUnknown.
    """
    return edit_songs(catalogue.engine, changes)


def change(
    song_id: int, values: Mapping[str, str], tags: Mapping[str, str] | None = None, *, all_tags: bool = False
) -> Change:
    """What becomes of song number `song_id`: `values` by column, tags by name; an empty text removes.

    With `all_tags`, the song loses the tags that are not given. Raises EditRefused.

    >>> change(12, {"artist": " The Trees ", "album": "", "isrc": "de-a73-18-00123"}).values
    {'artist': 'The Trees', 'album': None, 'isrc': 'DEA731800123'}
    """
    checked = {column: _checked(column, value) for column, value in values.items()}
    named = {_text("name of a tag", name): _text(f"tag {name}", value) or None for name, value in (tags or {}).items()}
    if "" in named:
        raise EditRefused("a tag has no name")
    if len(named) > MAX_TAGS:
        raise EditRefused(f"{len(named)} tags are more than the {MAX_TAGS} that a song may have")
    return Change(song_id, checked, named, all_tags)


def read_table(file: TextIO, name: str) -> Iterator[Change]:
    """The changes in a table of comma-separated values, such as `songradar songs list --csv` writes.

    Its first line names the columns: `song_id`, and any of COLUMNS and `tags`, a JSON object. What stands between the
    values may also be a semicolon or a tab, as spreadsheets write. Raises EditRefused, which names file and line.
    """
    seen: dict[int, int] = {}
    line = 1
    try:
        header = file.readline()
        delimiter = _delimiter(header)
        columns = _columns(next(csv.reader([header], delimiter=delimiter), []))
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        for row in filter(None, rows):
            line = 1 + rows.line_num
            if len(row) != len(columns):
                raise EditRefused(f"has {len(row)} values for {len(columns)} columns")
            found = _of_row(dict(zip(columns, row, strict=True)))
            if found.song_id in seen:
                raise EditRefused(f"song {found.song_id} is in line {seen[found.song_id]} already")
            seen[found.song_id] = line
            yield found
    except EditRefused as error:
        raise EditRefused(f"{name}, line {line}: {error}") from error
    except csv.Error as error:
        raise EditRefused(f"{name}: is no table of comma-separated values after line {line} ({error})") from error
    except UnicodeDecodeError as error:
        raise EditRefused(f"{name}: is not text in UTF-8") from error


def _delimiter(header: str) -> str:
    """What stands between the values.

    >>> _delimiter("song_id;title")
    ';'
    """
    return max(",;\t", key=header.count)


def _columns(header: Iterable[str]) -> list[str]:
    columns = [column.strip() for column in header]
    known = ("song_id", *COLUMNS, "tags", *READ_ONLY)
    for column in columns:
        if column not in known:
            raise EditRefused(f"{column!r} is none of the columns {', '.join(known)}")
        if columns.count(column) > 1:
            raise EditRefused(f"the column {column} is there twice")
    if "song_id" not in columns:
        raise EditRefused("there is no column song_id, which says which song a line is about")
    return columns


def _of_row(row: Mapping[str, str]) -> Change:
    number = row["song_id"].strip()
    if not (number.isascii() and number.isdecimal() and int(number) < 2**31):
        raise EditRefused(f"{number!r} is no number of a song")
    values = {column: row[column] for column in COLUMNS if column in row}
    return change(int(number), values, _tags(row.get("tags", "")), all_tags="tags" in row)


def _tags(text: str) -> dict[str, str]:
    """The names and values of a JSON object.

    >>> _tags('{"upc": "4006381333931"}'), _tags("")
    ({'upc': '4006381333931'}, {})
    """
    try:
        tags: Any = json.loads(text or "{}")
    except (ValueError, RecursionError):
        tags = None
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise EditRefused(f'{text[:60]!r} is no JSON object of texts, such as {{"upc": "4006381333931"}}')
    return tags


def _checked(column: str, value: str) -> str | None:
    text = _text(column, value)
    if not text:
        if column == "title":
            raise EditRefused("a song needs a title")
        return None
    if column == "isrc":
        return _identifier(isrc_of(text), text, "ISRC", "two letters, three letters or digits, seven digits")
    if column == "mbid":
        return _identifier(mbid_of(text), text, "MusicBrainz recording", "a UUID, 8-4-4-4-12 digits from 0 to f")
    return text


def _identifier(found: str | None, text: str, what: str, form: str) -> str:
    if found is None:
        raise EditRefused(f"{text[:60]!r} is no {what}, which is {form}")
    return found


def _text(what: str, value: str) -> str:
    """`value` without spaces around it. Raises EditRefused for what PostgreSQL does not take, and what is too long."""
    text = value.strip()
    if "\0" in text or text.encode(errors="replace").decode() != text:
        raise EditRefused(f"{what} is not text: {text[:60]!r}")
    if len(text) > LONGEST:
        raise EditRefused(f"{what} has {len(text)} characters, more than {LONGEST}")
    return text
