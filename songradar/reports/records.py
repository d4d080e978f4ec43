"""Playings for programs: JSON lines and CSV, with the same fields."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from songradar.reports.words import moment
from songradar.timeline import Playing

FIELDS = (
    "recording", "start_s", "end_s", "song_id", "title", "artist", "source", "isrc", "mbid", "song_start_s",
    "song_end_s", "speed", "confidence", "coverage", "n_fragments",
)  # fmt: skip
CLOCK_FIELDS = ("started_at", "ended_at")
"""What is added where it is known when the recording began: dates and times of ISO 8601."""

DIGITS = {"start_s": 3, "end_s": 3, "song_start_s": 3, "song_end_s": 3, "speed": 5, "confidence": 6, "coverage": 4}


def fields(began: datetime | None = None) -> tuple[str, ...]:
    return FIELDS if began is None else FIELDS + CLOCK_FIELDS


def record(recording: str, playing: Playing, began: datetime | None = None) -> dict[str, Any]:
    """A playing's fields, in the order of FIELDS."""
    values = {"recording": recording} | {name: getattr(playing, name) for name in FIELDS[1:]}
    for name, digits in DIGITS.items():
        if values[name] is not None:
            values[name] = round(values[name], digits)
    if began is not None:
        values["started_at"] = moment(began, playing.start_s).isoformat(timespec="milliseconds")
        values["ended_at"] = moment(began, playing.end_s).isoformat(timespec="milliseconds")
    return values


def json_lines(recording: str, playings: Iterable[Playing], began: datetime | None = None) -> Iterator[str]:
    for playing in playings:
        yield json.dumps(record(recording, playing, began), ensure_ascii=False) + "\n"


def csv_head(began: datetime | None = None) -> str:
    return _csv_line(fields(began))


def csv_rows(recording: str, playings: Iterable[Playing], began: datetime | None = None) -> Iterator[str]:
    """Rows of RFC 4180; what is not known is empty."""
    for playing in playings:
        yield _csv_line(record(recording, playing, began).values())


def _csv_line(values: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
