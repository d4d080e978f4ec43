"""What PostgreSQL tells of a catalogue as it happens: songs that change, and searches that have their matches."""

from collections.abc import Iterator

from songradar.catalogue import Catalogue
from songradar.db import announcements
from songradar.db.announcements import Announcement

__all__ = ["Announcement", "listen"]


def listen(catalogue: Catalogue, every_s: float = 1.0) -> Iterator[Announcement | None]:
    """Announcements as they come, and None after each `every_s` seconds, so that the caller can stop.

    Raises NeedsDirectConnection behind a pooler, ServerUnreachable, and psycopg.OperationalError once the server goes.
    """
    yield from announcements.announcements(catalogue.server, every_s)
