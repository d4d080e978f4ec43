"""Names, times and moments, as reports write them."""

import unicodedata
from datetime import UTC, datetime, timedelta

from songradar.timeline import Playing
from songradar.wording import UNSAFE

UNKNOWN = "Unknown"


def one_line(text: str) -> str:
    """Text without line breaks and control characters, for formats that cannot hold them.

    >>> one_line("Let's\\nGo\\x1b[2J ")
    "Let's Go [2J"
    """
    return " ".join("".join(" " if unicodedata.category(c) in UNSAFE else c for c in text).split())


def artist_and_title(playing: Playing) -> str:
    """`Artist - Title`, as playlists have it; UNKNOWN for an unknown stretch."""
    if playing.is_unknown:
        return UNKNOWN
    names = (one_line(playing.artist or ""), one_line(playing.title or ""))
    return " - ".join(name for name in names if name) or UNKNOWN


def place(seconds: float) -> str:
    """A place in a long recording.

    >>> place(221.9), place(5400)
    ('0:03:41', '1:30:00')
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def moment(began: datetime, seconds: float) -> datetime:
    """When it was so many seconds into a recording that `began` then, on the same clock.

    >>> from zoneinfo import ZoneInfo
    >>> moment(datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")), 3600).isoformat()
    '2026-10-25T02:30:00+01:00'
    """
    return (began.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(began.tzinfo)
