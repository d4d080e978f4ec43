"""songradar scan: what was played when in long recordings."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

import click

from songradar.catalogue import Catalogue
from songradar.cli.fetching import is_file, name_of, opened
from songradar.cli.formats import AS_CSV, AS_JSON, FORMAT, OUTPUT, chosen_format, written
from songradar.cli.keeping import may_keep
from songradar.cli.options import ARTIST, COLLECTION, ENCODER, MIN_PLAYED, NO_UNKNOWN
from songradar.cli.output import note, warn
from songradar.cli.progress import progress
from songradar.events import Event, Note, Step
from songradar.ml.errors import AudioReadError
from songradar.scan import ScanOptions
from songradar.scan import scan as scan_recording
from songradar.timeline import Playing


class Place(click.ParamType[float]):
    """A place in a recording: seconds, m:ss or h:mm:ss."""

    name = "TIME"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            parts = [float(part) for part in value.split(":")]
        except ValueError:
            parts = []
        if not 1 <= len(parts) <= 3 or not all(0 <= part < 1e7 for part in parts):
            self.fail(f"{value!r} is no place such as 90, 1:30 or 1:02:03", param, ctx)
        return sum(part * 60.0**power for power, part in enumerate(reversed(parts)))


class Moment(click.ParamType[datetime]):
    """A date and time of ISO 8601; without a zone, the computer's own."""

    name = "TIME"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(value).astimezone()
        except (ValueError, OverflowError, OSError):
            self.fail(f"{value!r} is no time such as 2026-11-24T20:00", param, ctx)


@click.command()
@click.argument("recordings", metavar="RECORDING...", nargs=-1, required=True)
@AS_JSON
@AS_CSV
@FORMAT
@OUTPUT
@MIN_PLAYED
@click.option("--from", "from_s", type=Place(), default=0.0, help="Begin there: seconds, m:ss or h:mm:ss.")
@click.option("--to", "to_s", type=Place(), help="End there.")
@click.option(
    "--began", type=Moment(), help="When the recording began, such as 2026-11-24T20:00; told by the clock then."
)
@NO_UNKNOWN
@ENCODER
@ARTIST
@COLLECTION
@click.option("--no-save", is_flag=True, help="Do not keep the scan in the database.")
def scan(
    recordings: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
    name: str | None,
    output: Path | None,
    min_played: float,
    from_s: float,
    to_s: float | None,
    began: datetime | None,
    no_unknown: bool,
    encoder: str | None,
    artist: str | None,
    collection: str | None,
    no_save: bool,
) -> None:
    """Tell what was played when in each RECORDING: a file, an http(s) URL, or - for standard input.

    \b
    songradar scan mix.mp3
    songradar scan --format tracklist mix.mp3
    songradar scan --began 2026-11-24T20:00 --csv -o monday.csv monday.flac

    A line for each playing, in order; songs that fade into each other overlap. It says where in the song one is, and
    how much faster or slower it is played. What is found is kept in the database, from where a scan that was broken
    off goes on when it is called again.

    Exit code 0: something was named; 1: nothing; 2: some recording could not be heard to its end; 130: interrupted.
    """
    format_name, form = chosen_format(as_json, as_csv, name)
    if to_s is not None and to_s <= from_s:
        raise click.UsageError("--to must lie behind --from")
    if len(recordings) > 1 and not form.holds_many:
        raise click.UsageError(f"a report as {format_name} holds one recording")
    n_named, n_failed = 0, 0
    with Catalogue.open(only_to_search=True) as catalogue, written(output) as write:
        options = ScanOptions(
            encoder, artist, collection, min_played, from_s, to_s, began, keep=not no_save and may_keep(catalogue)
        )
        head = form.head(began)
        for recording in recordings:
            heard = Heard(catalogue, recording, options, no_unknown)
            for text in chain(form.tell(name_of(recording), heard, began), [""]):
                if heard.n_told or not heard.failed:
                    write(head + text)
                    head = ""
            n_named, n_failed = n_named + heard.n_named, n_failed + heard.failed
    sys.exit(2 if n_failed else 0 if n_named else 1)


@dataclass
class Heard:
    """The playings of one recording as they are found; an error, which ends them, is told on stderr."""

    catalogue: Catalogue
    recording: str
    options: ScanOptions
    no_unknown: bool
    n_told: int = 0
    n_named: int = 0
    failed: bool = False

    def __iter__(self) -> Iterator[Playing]:
        name = name_of(self.recording)
        with progress("scanning") as advance:

            def listen(event: Event) -> None:
                if isinstance(event, Step):
                    advance(60.0, name, event.total or None)
                elif isinstance(event, Note):
                    note(event.text)

            try:
                with opened(self.recording) as path:
                    kept_as = None if is_file(self.recording) else name
                    for playing in scan_recording(self.catalogue, path, self.options, listen, kept_as):
                        self.n_named += not playing.is_unknown
                        if not playing.is_unknown or not self.no_unknown:
                            self.n_told += 1
                            yield playing
            except AudioReadError as error:
                self.failed = True
                warn(f"{name}: {error.reason}")
            except KeyboardInterrupt:
                if self.options.keep:
                    note("interrupted: what was found stays, and the same command goes on from there")
                raise
