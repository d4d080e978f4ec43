"""Playings for players, editors and people's posts: CUE, labels, M3U, WebVTT, chapters, tracklists.

All of these but the tracklist point into the recording's file, so their times are always the recording's.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

from songradar.ml.files import path_of
from songradar.reports.errors import TooManyTracks
from songradar.reports.overlaps import Stretch, one_at_a_time
from songradar.reports.words import UNKNOWN, artist_and_title, moment, one_line
from songradar.timeline import Playing
from songradar.wording import clock, cut

CUE_FRAMES = 75
"""Frames in a second, as on a compact disc."""

MAX_TRACKS = 99
MAX_CUE_TEXT = 80
"""Tracks of a CUE sheet, and characters of a title or performer in it."""

CUE_TYPES = {".mp3": "MP3", ".aif": "AIFF", ".aiff": "AIFF"}
"""How a CUE sheet calls what a file holds; all else that can be decoded is called WAVE."""

ISRC = re.compile(r"[A-Z0-9]{5}[0-9]{7}")


def cue(recording: str, playings: Iterable[Playing], began: datetime | None = None) -> Iterator[str]:
    """A CUE sheet, as CDRWIN defined it. A track lasts until the next one, so unknown stretches are tracks as well.

    Minutes may pass 99. Raises TooManyTracks before anything is written.
    """
    stretches = list(islice(one_at_a_time(playings), MAX_TRACKS + 1))
    if len(stretches) > MAX_TRACKS:
        raise TooManyTracks(recording, MAX_TRACKS)
    if began is not None:
        yield f"REM BEGAN {began.isoformat()}\n"
    if stretches:
        yield f"FILE {_quoted(recording)} {CUE_TYPES.get(Path(recording).suffix.lower(), 'WAVE')}\n"
    frame = -1
    for number, stretch in enumerate(stretches, start=1):
        yield from _track_names(number, stretch, began)
        if number == 1 and stretch.start_s * CUE_FRAMES >= 0.5:
            yield "    INDEX 00 00:00:00\n"  # the first index of a file has to be 0
        frame = max(frame + 1, round(stretch.start_s * CUE_FRAMES))
        yield f"    INDEX 01 {_cue_time(frame)}\n"


def _track_names(number: int, stretch: Stretch, began: datetime | None) -> Iterator[str]:
    playing = stretch.playing
    yield f"  TRACK {number:02} AUDIO\n"
    yield f"    TITLE {_quoted(cut(playing.title or UNKNOWN, MAX_CUE_TEXT))}\n"
    if playing.artist:
        yield f"    PERFORMER {_quoted(cut(playing.artist, MAX_CUE_TEXT))}\n"
    isrc = (playing.isrc or "").replace("-", "").upper()
    if ISRC.fullmatch(isrc):
        yield f"    ISRC {isrc}\n"
    if began is not None:
        yield f"    REM STARTED {moment(began, stretch.start_s).isoformat(timespec='seconds')}\n"


def _quoted(text: str) -> str:
    """In double quotes, which CUE sheets cannot escape: those inside become single ones.

    >>> print(_quoted('12" Mix'))
    "12' Mix"
    """
    return '"' + one_line(text).replace('"', "'") + '"'


def _cue_time(frames: int) -> str:
    """Minutes, seconds and frames.

    >>> _cue_time(round(6000.5 * CUE_FRAMES))
    '100:00:38'
    """
    seconds, rest = divmod(frames, CUE_FRAMES)
    return f"{seconds // 60:02}:{seconds % 60:02}:{rest:02}"


def labels(_recording: str, playings: Iterable[Playing], _began: datetime | None = None) -> Iterator[str]:
    """A label track of Audacity: start, end and name, between tabs. Labels may overlap."""
    for playing in playings:
        yield f"{playing.start_s:.6f}\t{playing.end_s:.6f}\t{artist_and_title(playing)}\n"


def m3u(recording: str, playings: Iterable[Playing], _began: datetime | None = None) -> Iterator[str]:
    """Entries of an extended M3U: the recording again and again, which players such as VLC play from start to stop."""
    where = _entry(recording)
    for playing in playings:
        yield f"#EXTINF:{round(playing.end_s - playing.start_s)},{artist_and_title(playing)}\n"
        yield f"#EXTVLCOPT:start-time={playing.start_s:.3f}\n"
        yield f"#EXTVLCOPT:stop-time={playing.end_s:.3f}\n"
        yield f"{where}\n"


def _entry(recording: str) -> str:
    """The recording's path; as a URI where a line cannot hold it as it is.

    >>> _entry("mixes/a b.mp3"), _entry("/mixes/#1\\n.mp3")
    ('mixes/a b.mp3', 'file:///mixes/%231%0A.mp3')
    """
    path = path_of(recording)
    if recording == str(path) == one_line(recording) and not recording.startswith("#"):
        return recording
    return recording if "://" in recording else path.absolute().as_uri()


def vtt(_recording: str, playings: Iterable[Playing], _began: datetime | None = None) -> Iterator[str]:
    """Cues of WebVTT, which may overlap: what a player shows while the recording plays."""
    for playing in playings:
        start, end = round(1000 * playing.start_s), round(1000 * playing.end_s)
        text = artist_and_title(playing).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        yield f"{_vtt_time(start)} --> {_vtt_time(max(end, start + 1))}\n{text}\n\n"


def _vtt_time(milliseconds: int) -> str:
    """Hours, minutes, seconds.

    >>> _vtt_time(5_400_250)
    '01:30:00.250'
    """
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def chapters(_recording: str, playings: Iterable[Playing], _began: datetime | None = None) -> Iterator[str]:
    """Chapters of FFmpeg's metadata files: `ffmpeg -i mix.mp3 -i mix.ffmeta -map_chapters 1 -c copy mix.m4a`."""
    for stretch in one_at_a_time(playings):
        start, end = round(1000 * stretch.start_s), round(1000 * stretch.end_s)
        title = re.sub(r"([=;#\\])", r"\\\1", artist_and_title(stretch.playing))
        yield f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={max(end, start + 1)}\ntitle={title}\n"


def tracklist(_recording: str, playings: Iterable[Playing], began: datetime | None = None) -> Iterator[str]:
    """A list to paste below a video or a post: when a song begins, and its name; with `began`, by the clock."""
    for stretch in one_at_a_time(playings):
        seconds = int(stretch.start_s)
        when = clock(seconds) if began is None else f"{moment(began, seconds):%H:%M:%S}"
        yield f"{when} {artist_and_title(stretch.playing)}\n"
