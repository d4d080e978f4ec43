"""Title, artist, album and identifiers of a file: from its tags, else from its name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen

from songradar.ml.files import text_of

# The names of one thing in ID3 (MP3, WAV, AIFF), Vorbis comments (Ogg, Opus, FLAC), MP4 and ASF (WMA), after the
# mapping table of MusicBrainz Picard: https://picard-docs.musicbrainz.org/en/appendices/tag_mapping.html
TITLE = ("TIT2", "title", "\xa9nam", "Title")
ARTIST = ("TPE1", "artist", "\xa9ART", "Author")
ALBUM = ("TALB", "album", "\xa9alb", "WM/AlbumTitle")
ISRC = ("TSRC", "isrc", "----:com.apple.iTunes:ISRC", "WM/ISRC")
MBID = (
    "UFID:http://musicbrainz.org",
    "musicbrainz_trackid",
    "----:com.apple.iTunes:MusicBrainz Track Id",
    "MusicBrainz/Track Id",
)

LONGEST = 1000
"""Characters kept of a title or name: it stands in every answer."""

_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_TRACK_NUMBER = re.compile(r"^(\d{1,3}|[A-Da-d]\d{1,2})(\s*[.)_-]\s*|\s+-\s+|\s+(?=\S))(?=.*\D|\d{4}$)")


@dataclass(frozen=True)
class Tags:
    """What a person would call a song, and its identifiers: ISRC, and `mbid`, the MusicBrainz recording."""

    title: str
    artist: str | None = None
    album: str | None = None
    isrc: str | None = None
    mbid: str | None = None


def read_tags(path: Path) -> Tags:
    """The tags of `path`. A file without a title is named after its file name; unreadable tags count as none.

    Of each value the first LONGEST characters are kept.
    """
    try:
        file = mutagen.File(path)
        found: Any = file.tags if file is not None and file.tags is not None else {}
    except Exception:  # damaged tags meet mutagen's assumptions in many ways: KeyError, UnicodeDecodeError, MemoryError
        found = {}
    named = tags_from_name(path)
    title = _first(found, TITLE)
    return Tags(
        title=title or named.title,
        artist=_first(found, ARTIST) or (None if title else named.artist),
        album=_first(found, ALBUM),
        isrc=isrc_of(_first(found, ISRC) or ""),
        mbid=mbid_of(_first(found, MBID) or ""),
    )


def isrc_of(text: str) -> str | None:
    """The first ISRC in `text`, as databases write it: twelve characters; None where there is none.

    ISO 3901: two letters for the country, three characters for the registrant, two digits for the year, five more.

    >>> isrc_of("de-a73-18-00123"), isrc_of("DEA731800123 / USRC17607839"), isrc_of("none")
    ('DEA731800123', 'DEA731800123', None)
    """
    return next((word for word in _words(text.upper().replace("-", "")) if _ISRC.fullmatch(word)), None)


def mbid_of(text: str) -> str | None:
    """The first UUID in `text`, in small letters, as MusicBrainz numbers its recordings; None where there is none.

    >>> mbid_of("https://musicbrainz.org/recording/8F3471B5-7E6A-48DA-86A9-C1C07A0F47AE")
    '8f3471b5-7e6a-48da-86a9-c1c07a0f47ae'
    """
    return next((word for word in _words(text.lower()) if _MBID.fullmatch(word)), None)


def _words(text: str) -> list[str]:
    """What stands between spaces, slashes, commas and semicolons, by which taggers separate several values.

    >>> _words("a/b; c")
    ['a', 'b', 'c']
    """
    return re.split(r"[\s/,;]+", text)


def tags_from_name(path: Path) -> Tags:
    """Read `Artist - Title` from a file's name; leading track numbers are dropped.

    >>> tags_from_name(Path("07. Kevin MacLeod - Vibe Ace.mp3"))
    Tags(title='Vibe Ace', artist='Kevin MacLeod', album=None, isrc=None, mbid=None)
    >>> tags_from_name(Path("99_luftballons.mp3")).title
    'luftballons'
    """
    stem = text_of(path.stem)
    name = " ".join(stem.replace("_", " ").split()) if " " not in stem else stem.strip()
    name = _TRACK_NUMBER.sub("", name) or name
    artist, separator, title = name.partition(" - ")
    if separator and _TRACK_NUMBER.match(title):
        title = _TRACK_NUMBER.sub("", title) or title
    if not separator or not artist.strip() or not title.strip():
        return Tags(title=name.strip(" -") or stem)
    return Tags(title=title.strip(), artist=artist.strip())


def _first(found: Any, names: Iterable[str]) -> str | None:
    """The first non-empty value under any of `names`, as text."""
    for name in names:
        try:
            text = _text(found.get(name))
        except Exception:  # Vorbis comments refuse names that are not ASCII; a damaged frame may hold anything
            text = ""
        if text:
            return text
    return None


def _text(value: Any) -> str:
    """Text of an ID3 frame, an MP4 or Vorbis list, an ASF attribute, less what PostgreSQL refuses (NUL, surrogates)."""
    if isinstance(value, list | tuple):
        value = value[0] if value else ""
    value = getattr(value, "data", getattr(value, "text", value))  # UFID; ID3 text frames
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = "" if value is None else str(value)[: 2 * LONGEST].encode("utf-8", "replace").decode()
    return text.replace("\0", "").strip()[:LONGEST]
