"""A song as a line of JSON, as it stands in a file that songs travel in. Such a file may come from anybody."""

import json
from datetime import datetime
from typing import Any

from songradar.archive import MAX_LINE
from songradar.db import exchange
from songradar.db.songs import BY_HAND
from songradar.edit import MAX_TAGS

TEXTS = {
    "title": 1000, "artist": 1000, "album": 1000, "collection": 1000, "isrc": 12, "mbid": 36, "host": 1000,
    "source": 32_768, "sha256": 64, "modified_at": 40,
}  # fmt: skip
"""Texts of a song in a file, and how many characters they may have at most."""

REQUIRED = ("title", "host", "source", "sha256", "modified_at")


class NotASong(Exception):
    """A line that no export has written."""


def song_in(line: bytes) -> dict[str, Any]:
    """The song in a line, as `exchange.write_songs` takes it. Raises NotASong."""
    try:
        return _song(line)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise NotASong(str(error)[:80]) from error


def _song(line: bytes) -> dict[str, Any]:
    if not line.endswith(b"\n") or len(line) >= MAX_LINE:
        raise ValueError("the line is too long, or not whole")
    given = json.loads(line)
    song = {name: given[name] for name in exchange.FIELDS}
    for name, longest in TEXTS.items():
        text = song[name]
        if text is None and name not in REQUIRED:
            continue
        if not isinstance(text, str) or len(text) > longest or "\0" in text:
            raise ValueError(f"{name}: {text!r}")
        text.encode()  # halves of characters are refused
    for name, highest in (("number", 2**31), ("n_fragments", 2**31), ("size_bytes", 2**63)):
        if type(song[name]) is not int or not 0 <= song[name] < highest:
            raise ValueError(f"{name}: {song[name]!r}")
    if not 0 < song["duration_s"] < 1e7 or not song["n_fragments"]:
        raise ValueError(f"{song['duration_s']} s, {song['n_fragments']} fragments")
    bytes.fromhex(song["sha256"])
    datetime.fromisoformat(song["modified_at"])
    tags, edited = song["tags"], song["edited"]
    if len(tags) > MAX_TAGS or not all(isinstance(value, str) and len(value) <= 1000 for value in tags.values()):
        raise ValueError(f"tags: {tags}")
    if not isinstance(edited, list) or not set(edited) <= set(BY_HAND):
        raise ValueError(f"edited: {edited}")
    return song
