"""What was searched and scanned: pages of what the catalogue keeps, as JSON has it."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from songradar.catalogue import Catalogue
from songradar.db import history
from songradar.ml.errors import AudioReadError
from songradar.ml.files import AudioFile, path_of, sha256, stat
from songradar.reports.formats import Format
from songradar.scan import kept_playings
from songradar.timeline import Playing

Record = dict[str, Any]

DIGITS = {
    "start_s": 3, "end_s": 3, "song_start_s": 3, "song_end_s": 3, "duration_s": 3, "scanned_s": 3, "speed": 5,
    "confidence": 6, "coverage": 4,
}  # fmt: skip


def searches(catalogue: Catalogue, limit: int = 50, offset: int = 0) -> tuple[list[Record], int]:
    """Kept searches, the newest first: `limit` after the first `offset`, and how many there are."""
    with catalogue.connection() as connection:
        found, total = history.searches(connection, limit, offset)
    return [_record(row) for row in found], total


def search(catalogue: Catalogue, search_id: int) -> Record | None:
    """One of them; None where none has this number."""
    with catalogue.connection() as connection:
        found = history.search(connection, search_id)
    return found and _record(found)


def scans(catalogue: Catalogue, limit: int | None = 50, offset: int = 0) -> tuple[list[Record], int]:
    """Scans, the newest first: `limit` [all with None] after the first `offset`, and how many there are."""
    with catalogue.connection() as connection:
        found, total = history.scans(connection, limit, offset)
    return [_record(row) for row in found], total


def scan(catalogue: Catalogue, scan_id: int) -> Record | None:
    """One of them; None where none has this number."""
    with catalogue.connection() as connection:
        found = history.scan(connection, scan_id)
    return found and _record(found)


def remove_scan(catalogue: Catalogue, scan_id: int) -> bool:
    """Remove a scan with its playings; whether there was one of that number."""
    with catalogue.connection() as connection:
        return history.remove_scan(connection, scan_id)


def is_scanned(catalogue: Catalogue, recording: str) -> bool:
    """Whether some scan is kept of a recording that is called so."""
    with catalogue.connection() as connection:
        return history.is_scanned(connection, recording)


def plays(
    catalogue: Catalogue,
    limit: int = 50,
    offset: int = 0,
    *,
    scan_id: int | None = None,
    song_id: int | None = None,
    recording: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[list[Record], int]:
    """Playings in order of their time: of a scan, of a song, in a recording, between two moments [all]; how many."""
    with catalogue.connection() as connection:
        found, total = history.plays(connection, limit, offset, scan_id, song_id, recording, since, until)
    return [_record(row) for row in found], total


def playings(catalogue: Catalogue, scan_id: int) -> list[Playing]:
    """All playings of a scan, as reports take them."""
    with catalogue.connection() as connection:
        return kept_playings(connection, scan_id)


def report(
    catalogue: Catalogue, scan: Record, form: Format, recording: str, *, no_unknown: bool = False
) -> Iterator[str]:
    """A kept scan in one of the formats of reports, in pieces of text; `recording` is what it calls the recording.

    Raises TooManyTracks before the first piece.
    """
    began = datetime.fromisoformat(scan["began_at"]).astimezone() if scan["began_at"] else None
    found = [one for one in playings(catalogue, scan["scan_id"]) if not (no_unknown and one.is_unknown)]
    pieces = list(form.tell(recording, found, began))
    yield form.head(began)
    yield from pieces


def recording_file(catalogue: Catalogue, scan: Record) -> Path | None:
    """The file of a scanned recording, if it is on this machine and has the bytes that were scanned."""
    found = stat(path_of(scan["recording"]))
    with catalogue.connection() as connection:
        digest = history.digest_of_scan(connection, scan["scan_id"])
    if not isinstance(found, AudioFile) or digest is None:
        return None
    try:
        return found.path if _digest(found) == digest else None
    except AudioReadError:
        return None


@lru_cache(maxsize=256)
def _digest(file: AudioFile) -> bytes:
    """Read only once, since players ask for a file piece by piece."""
    return sha256(file.path)


def _record(row: Record) -> Record:
    """Times as ISO 8601, numbers with the digits that mean something."""
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if name in DIGITS and value is not None:
        return round(value, DIGITS[name])
    return value
