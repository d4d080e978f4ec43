"""songradar listen: what is playing now."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from songradar.catalogue import Catalogue
from songradar.cli.keeping import may_keep
from songradar.cli.options import ARTIST, COLLECTION, ENCODER, MIN_PLAYED, NO_UNKNOWN
from songradar.cli.output import note, print_json, print_table, warn
from songradar.listen import Ended, Event, Now, Started
from songradar.listen import listen as listen_to
from songradar.ml.capture import MONITOR
from songradar.ml.errors import AudioError
from songradar.ml.live import LiveSound, Source, devices
from songradar.reports.records import record
from songradar.reports.table import head, table
from songradar.scan import ScanOptions
from songradar.wording import clock, named, percent

SONG = ("song_id", "title", "artist", "source", "isrc", "mbid")
"""What `started` tells of a song."""

WAIT_S = 2.0
"""How long a database that is away keeps the sound waiting, each time it is asked."""


@click.command()
@click.argument("source", metavar="[URL|FILE|-]", required=False)
@click.option("--device", metavar="NAME", help=f"Hear this device [default]; {MONITOR}: what this computer plays.")
@click.option("--list-devices", is_flag=True, help="Tell which devices there are.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each event: started, now, ended.")
@click.option(
    "--now", "now_every", metavar="SECONDS", type=click.FloatRange(min=0.5), help="Tell the place so often [10; 1]."
)
@click.option(
    "--patience", metavar="SECONDS", type=click.FloatRange(min=0),
    help="How long a stream may be away [300], or a file not grow [30].",
)  # fmt: skip
@MIN_PLAYED
@NO_UNKNOWN
@ENCODER
@ARTIST
@COLLECTION
@click.option("--no-save", is_flag=True, help="Do not keep what was played in the database.")
def listen(
    source: str | None,
    device: str | None,
    list_devices: bool,
    as_json: bool,
    now_every: float | None,
    patience: float | None,
    min_played: float,
    no_unknown: bool,
    encoder: str | None,
    artist: str | None,
    collection: str | None,
    no_save: bool,
) -> None:
    """Tell what is playing now: at the microphone, in a stream (http, HLS), in a FILE that grows, in standard input.

    \b
    songradar listen
    songradar listen https://radio.example/live.mp3
    songradar listen --json --device monitor | jq 'select(.event == "started") | .title'

    A song is named as soon as that is sure, two to three seconds after it began if it is clear, and followed to its
    end; then it is told in a line, and kept in the database. Streams that break off are opened again.

    Ctrl-C ends it. Exit code 0: something was named; 1: nothing; 2: there was nothing to hear, or it broke off.
    """
    if list_devices:
        print_table(("device", "what it is"), [(one.name, one.description.replace("\n", ", ")) for one in devices()])
        return
    if source is not None and device is not None:
        raise click.UsageError("either --device or a URL or file")
    telling = Telling(as_json=as_json, no_unknown=no_unknown)
    with Catalogue.open(only_to_search=True, wait_s=WAIT_S) as catalogue:
        options = ScanOptions(encoder, artist, collection, min_played, keep=not no_save and may_keep(catalogue))
        sound = LiveSound(Source.of(source, device), patience, tell=telling.note)
        every_s = now_every or (1.0 if telling.shows_place else 10.0)
        exit_code = 0
        with stopped_by_signals(sound):
            try:
                for event in listen_to(catalogue, sound, options, every_s, telling.note):
                    telling.tell(sound.name, event)
            except AudioError as error:
                exit_code = 2
                telling.warn(str(error))
    sys.exit(exit_code or (0 if telling.n_named else 1))


@contextmanager
def stopped_by_signals(sound: LiveSound) -> Iterator[None]:
    """Ctrl-C, and the system's wish that the process end (SIGTERM), end the sound; a second one ends it at once."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, before[signal.Signals(number)])
        sound.stop()

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Telling:
    """Prints events: as JSON lines, or for people, with the place in the song on a terminal's last line."""

    def __init__(self, *, as_json: bool, no_unknown: bool) -> None:
        self.n_named = 0
        self.shows_place = not as_json and sys.stderr.isatty()
        self._as_json, self._no_unknown = as_json, no_unknown
        self._has_head = False

    def tell(self, recording: str, event: Event) -> None:
        if isinstance(event, Ended):
            self.n_named += event.number is not None and not event.withdrawn
            if event.number is None and self._no_unknown:
                return
        if self._as_json:
            print_json(event_record(recording, event))
        elif isinstance(event, Ended):
            self._row(recording, event)
        elif isinstance(event, Started) or self.shows_place:
            self._place(event)

    def note(self, text: str) -> None:
        self._clear()
        note(text)

    def warn(self, text: str) -> None:
        self._clear()
        warn(text)

    def _row(self, recording: str, event: Ended) -> None:
        self._clear()
        if event.withdrawn:
            note(f"withdrawn: {named(event.playing.title or '', event.playing.artist)}")
            return
        if not self._has_head:
            self._has_head = True
            click.echo(head(event.began), nl=False)
        for line in table(recording, [event.playing], event.began):
            click.echo(line, nl=False)

    def _place(self, event: Started | Now) -> None:
        song = event.playing
        text = f"now {clock(event.song_s):>5}  {named(song.title or '', song.artist)}"
        if self.shows_place:
            self._clear()
            click.echo(text, err=True, nl=False)
        else:
            note(f"{text}, confidence {percent(song.confidence or 0.0)}")

    def _clear(self) -> None:
        if self.shows_place:
            click.echo("\r\x1b[K", err=True, nl=False)


def event_record(recording: str, event: Event) -> dict[str, Any]:
    """An event as JSON tells it."""
    told = {"event": type(event).__name__.lower(), "number": event.number}
    at = event.at.isoformat(timespec="milliseconds")
    if isinstance(event, Ended):
        return told | {"at": at, "withdrawn": event.withdrawn} | record(recording, event.playing, event.began)
    fields = record(recording, event.playing)
    if isinstance(event, Now):
        known = {name: fields[name] for name in ("song_id", "title", "artist", "speed", "confidence")}
        return told | {"at": at, "recording": recording, "song_s": round(event.song_s, 3)} | known
    known = {name: fields[name] for name in ("start_s", *SONG, "speed", "confidence")}
    heard = {"song_s": round(event.song_s, 3), "heard_s": round(event.heard_s, 3)}
    return told | {"at": at, "recording": recording} | heard | known
