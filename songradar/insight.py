"""What a catalogue was asked, how well it answered, how long that took, and what was played most."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from songradar.catalogue import Catalogue
from songradar.db.insight import SPANS, Insight
from songradar.db.insight import insight as read_insight

__all__ = ["SPANS", "Insight", "insight"]


def insight(catalogue: Catalogue, span: str = "month", zone: str = "UTC") -> Insight:
    """Numbers of the last day, week, month or year; days begin at midnight in `zone`, such as Europe/Vienna.

    Raises ValueError for another span, and for a time zone that nobody knows.

    >>> with Catalogue.temporary() as catalogue:
    ...     found = insight(catalogue, "week")
    >>> found.searches, found.bucket, len(found.over_time)
    (0, 'day', 7)
    """
    if span not in SPANS:
        raise ValueError(f"{span!r} is none of the spans {', '.join(SPANS)}")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{zone!r} is no time zone, such as Europe/Vienna") from error
    with catalogue.connection() as connection:
        return read_insight(connection, span, zone)
