"""songradar ingest: fill the catalogue."""

import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import Advance, print_json, progress, stages, warn

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from db.models import Song
    from db.search import StoredEncoder
    from db.store import KnownFile
    from ml.decoder import Decoder
    from ml.encoder import Encoder
    from ml.extraction import Extracted, HashedFile
    from ml.files import AudioFile, Failure
    from ml.tags import Tags

CHUNK = 128
"""Files looked up in the database at a time: few enough that a first run soon shows progress."""

WORKERS = click.option(
    "--workers", type=click.IntRange(1), default=os.cpu_count() or 1, help="Files in work at once [all cores]."
)


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@WORKERS
@click.option("--encoder", metavar="NAME", help="Encode with this encoder instead of the active one.")
@click.option("--collection", metavar="NAME", help="Part of the catalogue that new songs go into.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each file, and a summary as the last.")
def ingest(paths: tuple[Path, ...], workers: int, encoder: str | None, collection: str | None, as_json: bool) -> None:
    """Add the songs in PATHs, files or folders, to the catalogue.

    \b
    songradar ingest ~/Music
    songradar ingest --workers 4 /srv/radio/archive new-jingle.wav

    Run it again at any time: files that are there already are skipped, moved ones are followed, changed ones replaced.
    Exit code 0: all went well; 1: some file failed (each is named on stderr); 2: the command could not run.
    """
    from cli.encoders import open_encoder
    from db.engine import connect
    from ml.files import audio_files

    with connect() as connection:
        stored, loaded = open_encoder(connection, encoder, threads=0 if workers == 1 else 1)
    report = Report(as_json=as_json)
    files = list(audio_files(paths))
    with progress("ingesting", len(files)) as advance:
        ingest_files(files, stored, loaded, workers, report, advance, collection)
    report.print_summary()
    sys.exit(1 if report.counts["failed"] else 0)


class Report:
    """Counts what became of each file and tells it as it happens."""

    def __init__(self, *, as_json: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.audio_s = 0.0
        self.fragments = 0
        self._as_json = as_json
        self._started = time.monotonic()

    def tell(self, source: str, outcome: str, **details: Any) -> None:
        self.counts[outcome] += 1
        self.audio_s += details.get("duration_s", 0.0)
        self.fragments += details.get("fragments", 0)
        if outcome == "failed":
            warn(f"{source}: {details['reason']}")
        if self._as_json:
            print_json({"source": source, "outcome": outcome, **details})

    def print_summary(self) -> None:
        if not self._as_json:
            click.echo(self.summary())
            return
        counts = {key: self.counts[key] for key in ("added", "replaced", "moved", "already there", "failed")}
        seconds, rate = self._pace()
        extent = {"hours": round(self.audio_s / 3600, 4), "fragments": self.fragments}
        pace = {"seconds": round(seconds, 2), "hours_per_minute": round(rate, 2)}
        print_json({"summary": counts | extent | pace})

    def summary(self) -> str:
        """What was done and how fast, for people."""
        always, seldom = ("added", "already there", "failed"), ("replaced", "moved")
        shown = (*always, *(key for key in seldom if self.counts[key]))
        counts = ", ".join(f"{self.counts[key]} {key}" for key in shown)
        seconds, rate = self._pace()
        if not self.audio_s:
            return f"{counts} ({seconds:.1f} s)"
        extent = f"{self.audio_s / 3600:.2f} h of audio, {self.fragments} fragments"
        return f"{counts}\n{extent} in {seconds:.1f} s: {rate:.1f} h of audio a minute"

    def _pace(self) -> tuple[float, float]:
        """(seconds since the start, hours of audio a minute)."""
        seconds = time.monotonic() - self._started
        return seconds, self.audio_s / 60 / seconds


def ingest_files(
    files: "Sequence[AudioFile | Failure]",
    stored: "StoredEncoder",
    encoder: "Encoder",
    workers: int,
    report: Report,
    advance: Advance,
    collection: str | None = None,
) -> None:
    """Bring the catalogue up to date with `files`. Each song is one transaction, so it may be killed at any moment."""
    from db.engine import engine_of_one_connection
    from db.indexing import OUTGROWN, OUTGROWN_BY_FAR
    from ml.decoder import Decoder

    with engine_of_one_connection() as engine, Decoder() as decoder:
        for start in range(0, len(files), CHUNK):
            if start:
                keep_index(engine, stored, OUTGROWN_BY_FAR)
            chunk = files[start : start + CHUNK]
            ingest_chunk(chunk, engine, stored, encoder, decoder, workers, report, advance, collection)
        keep_index(engine, stored, OUTGROWN)


def ingest_chunk(
    files: "Sequence[AudioFile | Failure]",
    engine: "Engine",
    stored: "StoredEncoder",
    encoder: "Encoder",
    decoder: "Decoder",
    workers: int,
    report: Report,
    advance: Advance,
    collection: str | None,
) -> None:
    """Bring the catalogue up to date with a few files, which are looked up together."""
    from db import store
    from db.errors import SongRefused
    from ml.extraction import extract
    from ml.files import AudioFile, Failure

    for failure in (item for item in files if isinstance(item, Failure)):
        report.tell(failure.path, "failed", reason=failure.reason)
        advance()
    found = [item for item in files if isinstance(item, AudioFile)]
    for result in extract(unindexed(found, engine, decoder, stored.id, report, advance), encoder, workers):
        if isinstance(result, Failure):
            report.tell(result.path, "failed", reason=result.reason)
            advance()
            continue
        fingerprint, song = result.fingerprint, song_row(result, collection)
        try:
            outcome = store.add_song(engine, song, stored.id, fingerprint.positions, fingerprint.embeddings)
        except SongRefused as error:
            report.tell(result.hashed.file.source, "failed", reason=str(error))
            advance()
            continue
        details = {"duration_s": fingerprint.duration_s, "fragments": len(fingerprint.positions)}
        report.tell(song.source, outcome, **(details if outcome != store.Outcome.PRESENT else {}))
        advance(fingerprint.duration_s)


def keep_index(engine: "Engine", stored: "StoredEncoder", factor: float) -> None:
    """Build the index again if its lists are outgrown by `factor`; a role that may not do so leaves it as it is."""
    from db.errors import IndexBusy
    from db.indexing import indexes, memory_for_building, rebuild

    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        (index,) = indexes(driver, stored.name)
        outgrown = index.is_outgrown(memory_for_building(driver), factor)
    if outgrown and index.is_mine:
        with stages(f"index of {stored.name}") as tell, suppress(IndexBusy):
            rebuild(index, on_progress=tell)


def unindexed(
    files: "Sequence[AudioFile]",
    engine: "Engine",
    decoder: "Decoder",
    encoder_id: int,
    report: Report,
    advance: Advance,
) -> "Iterator[HashedFile]":
    """Those of `files` that the catalogue does not have; the others are reported, and followed if they moved.

    A file whose path, size and time stamp are known is not even read; any other is known by its bytes.
    """
    from db import store
    from db.errors import SongRefused

    stamps = {file.source: (file.size, file.modified_at) for file in files}
    unchanged = store.unchanged(engine, encoder_id, platform.node(), stamps)
    hashed = []
    for file in files:
        if file.source in unchanged:
            report.tell(file.source, store.Outcome.PRESENT)
            advance()
        elif (item := hash_file(file, report)) is not None:
            hashed.append(item)
        else:
            advance()
    known = store.indexed(engine, encoder_id, [item.sha256 for item in hashed])
    for item in hashed:
        if item.sha256 not in known:
            yield item
            continue
        try:
            report.tell(item.file.source, follow(item, known[item.sha256], engine, decoder))
        except SongRefused as error:
            report.tell(item.file.source, "failed", reason=str(error))
        advance()


def hash_file(file: "AudioFile", report: Report) -> "HashedFile | None":
    from ml.errors import AudioReadError
    from ml.extraction import HashedFile
    from ml.files import sha256

    try:
        return HashedFile(file, sha256(file.path))
    except AudioReadError as error:
        report.tell(file.source, "failed", reason=error.reason)
        return None


def follow(item: "HashedFile", known: "KnownFile", engine: "Engine", decoder: "Decoder") -> str:
    """Known bytes under another path: a copy, if the known path still has them, else the song has moved."""
    from db import store

    same_path = (known.source, known.host) == (item.file.source, platform.node())
    if not same_path and (known.host != platform.node() or is_there(known)):
        return store.Outcome.PRESENT
    store.relocate(engine, file_row(item, decoder.tags(item.file.path)))
    return store.Outcome.PRESENT if same_path else store.Outcome.MOVED


def is_there(known: "KnownFile") -> bool:
    """Whether the file that the catalogue knows lies where it was, unchanged by its stamp."""
    from ml.files import AudioFile, path_of, stat

    found = stat(path_of(known.source))
    return isinstance(found, AudioFile) and (found.size, found.modified_at) == (known.size_bytes, known.modified_at)


def song_row(extracted: "Extracted", collection: str | None) -> "Song":
    """What the database keeps of a song."""
    song = file_row(extracted.hashed, extracted.tags)
    song.duration_s = extracted.fingerprint.duration_s
    song.collection = collection
    return song


def file_row(item: "HashedFile", tags: "Tags") -> "Song":
    """What the database keeps of a file, before anybody has listened to it."""
    from db.models import Song

    return Song(
        title=tags.title,
        artist=tags.artist,
        album=tags.album,
        tags=tags.ids,
        source=item.file.source,
        host=platform.node(),
        sha256=item.sha256,
        size_bytes=item.file.size,
        modified_at=item.file.modified_at,
    )
