"""The picture that a file of a song brings with it, as players show it."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen
from mutagen.flac import Picture

LARGEST = 8_000_000
"""Bytes of a cover; larger ones are no covers."""

FRONT = 3
"""What ID3 calls the front of a cover; FLAC and Vorbis comments number pictures in the same way."""

BEGINNINGS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}
"""How the pictures begin that all browsers show. What a file calls its picture may be anything."""


@dataclass(frozen=True)
class Cover:
    """A picture: its bytes, and what they are, such as image/jpeg."""

    data: bytes
    media_type: str


def read_cover(path: Path) -> Cover | None:
    """The cover in a file, the front one of several; None where there is none that browsers show."""
    try:
        pictures = sorted(_pictures(mutagen.File(path)), key=lambda picture: picture[0] != FRONT)
    except Exception:  # damaged tags meet mutagen's assumptions in many ways: KeyError, ValueError, MemoryError
        return None
    covers = (_cover(data) for _, data in pictures)
    return next((cover for cover in covers if cover is not None), None)


def _cover(data: bytes) -> Cover | None:
    if len(data) > LARGEST:
        return None
    kinds = (kind for beginning, kind in BEGINNINGS.items() if data.startswith(beginning))
    kind = next(kinds, None)
    if kind is None or (kind == "image/webp" and data[8:12] != b"WEBP"):
        return None
    return Cover(data, kind)


def _pictures(file: Any) -> Iterator[tuple[int, bytes]]:
    """Kinds and bytes of all pictures: FLAC, ID3 (MP3, WAV, AIFF), Vorbis comments (Ogg, Opus), MP4."""
    for picture in getattr(file, "pictures", None) or []:
        yield picture.type, picture.data
    tags = getattr(file, "tags", None) or {}
    for frame in tags.getall("APIC") if hasattr(tags, "getall") else []:
        yield frame.type, frame.data
    for name, value in tags.items():
        if name.lower() == "metadata_block_picture":
            for text in [value] if isinstance(value, str) else value:
                picture = Picture(base64.b64decode(text))  # type: ignore[no-untyped-call]  # it has no types
                yield picture.type, picture.data
        elif name == "covr":
            yield from ((FRONT, bytes(data)) for data in value)
