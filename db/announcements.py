"""What PostgreSQL tells its listeners: songs that change, and searches that have their matches."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import psycopg

from songradar.db.connection import Server, connect_directly

SONGS, MATCHES = "songradar_songs", "songradar_matches"

Kind: TypeAlias = Literal["song", "search"]


@dataclass(frozen=True)
class Announcement:
    """`song`: a song was `{"song_id": 7, "change": "added"}`, or changed, or removed. `search`: `{"search_id": 12}`."""

    kind: Kind
    facts: dict[str, Any]


def announcements(server: Server, every_s: float = 1.0) -> Iterator[Announcement | None]:
    """Announcements as they come, and None after each `every_s` seconds, so that the caller can stop.

    Raises NeedsDirectConnection behind a pooler, ServerUnreachable, and psycopg.OperationalError once the server goes.
    """
    with connect_directly(server) as connection:
        connection.execute(f"LISTEN {SONGS}")
        connection.execute(f"LISTEN {MATCHES}")
        yield None
        while True:
            for heard in connection.notifies(timeout=every_s):
                understood = parsed(heard.channel, heard.payload)
                if understood is not None:
                    yield understood
            yield None


def announce_song(connection: psycopg.Connection, song_id: int, change: str) -> None:
    """Say what the trigger of a table of songs says, where that is in another database than those who listen."""
    payload = json.dumps({"song_id": song_id, "change": change})
    connection.execute("SELECT pg_notify(%s, %s)", [SONGS, payload])


def parsed(channel: str, payload: str) -> Announcement | None:
    """An announcement of ours; None for what others say on the channel, as any role may.

    >>> parsed("songradar_matches", '{"search_id": 12}')
    Announcement(kind='search', facts={'search_id': 12})
    >>> parsed("songradar_matches", "hello"), parsed("songradar_songs", '{"song_id": "mine"}')
    (None, None)
    """
    try:
        said = json.loads(payload)
        if channel == MATCHES:
            return Announcement("search", {"search_id": _number(said["search_id"])})
        change = said["change"]
        if change in ("added", "changed", "removed"):
            return Announcement("song", {"song_id": _number(said["song_id"]), "change": change})
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return None


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value
