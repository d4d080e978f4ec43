"""The table for people. Rows come as playings do, so the columns are as wide as the first row makes them."""

import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime

from songradar.reports.words import moment, place
from songradar.timeline import Playing
from songradar.wording import clock, cut, named, percent

OTHER_COLUMNS = 54
"""Characters of a line beside the song's name."""

LEAST_SONG, USUAL_SONG = 20, 40
"""Characters of the song's name on narrow terminals, and where there is no terminal."""

LEAST_CHANGE = 0.0005
"""A speed is told from half a tenth of a percent on."""


def head(began: datetime | None = None) -> str:
    return _row("from", "to", "song", "in the song", "speed", "confidence", began)


def table(_recording: str, playings: Iterable[Playing], began: datetime | None = None) -> Iterator[str]:
    """A line for each playing; with `began`, by the clock on the wall."""
    for playing in playings:
        if began is None:
            times = place(playing.start_s), place(playing.end_s)
        else:
            start, end = moment(began, playing.start_s), moment(began, playing.end_s)
            times = f"{start:%Y-%m-%d %H:%M:%S}", f"{end:%H:%M:%S}"
        if playing.is_unknown:
            yield _row(*times, "no match", "", "", "", began)
        else:
            name = named(playing.title or "", playing.artist)
            yield _row(*times, name, _in_the_song(playing), _speed(playing), _confidence(playing), began)


def _row(start: str, end: str, song: str, within: str, speed: str, confidence: str, began: datetime | None) -> str:
    first = 8 if began is None else 19
    columns = shutil.get_terminal_size((0, 24)).columns  # 0: no terminal, and nothing is cut
    width = max(LEAST_SONG, columns - OTHER_COLUMNS - first) if columns else USUAL_SONG
    song = cut(song, width) if columns else song
    line = f"{start:>{first}}  {end:>8}  {song:<{width}}  {within:>15}  {speed:>7}  {confidence:>10}"
    return line.rstrip() + "\n"


def _in_the_song(playing: Playing) -> str:
    if playing.song_start_s is None or playing.song_end_s is None:
        return "-"
    return f"{clock(max(0.0, playing.song_start_s))} - {clock(playing.song_end_s)}"


def _speed(playing: Playing) -> str:
    if playing.speed is None or abs(playing.speed - 1) < LEAST_CHANGE:
        return "-"
    return f"{100 * (playing.speed - 1):+.1f} %"


def _confidence(playing: Playing) -> str:
    return "-" if playing.confidence is None else percent(playing.confidence)
