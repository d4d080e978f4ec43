"""What was played when in a file of any length, kept as it is found, so that a scan that is broken off can go on."""

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db import scans, search
from songradar.db.scans import StoredScan
from songradar.events import Begun, Listener, Note, Replaced, Step, ignore
from songradar.ml.audio import Wave
from songradar.ml.decoder import UNBOUNDED, Bounds, Decoder
from songradar.ml.errors import AudioReadError
from songradar.ml.files import sha256, text_of
from songradar.scanner import BATCH_S, LEAST_S, Scanner
from songradar.timeline import Playing
from songradar.wording import clock

END_S = 0.01
"""A recording that ends closer than this to where its stretch was to end is heard no further than it was asked for."""


@dataclass(frozen=True)
class ScanOptions:
    """How to scan.

    `encoder` [the active one] encodes the recording, of which `from_s` to `to_s` [all] are heard; only songs by
    `artist` and in `collection` are named [all]; playings of less than `min_played_s` are left out. `began_at`, an
    aware time, is when the recording began. With `keep`, the database keeps what is found, and a scan that was broken
    off goes on from there. Once finished, it takes the place of earlier ones that tell no more of the recording; what
    an earlier one tells with more around it is not kept again. `bounds` are how much of the recording is heard at most.
    """

    encoder: str | None = None
    artist: str | None = None
    collection: str | None = None
    min_played_s: float = 0.0
    from_s: float = 0.0
    to_s: float | None = None
    began_at: datetime | None = None
    keep: bool = True
    bounds: Bounds = UNBOUNDED

    @property
    def kept(self) -> dict[str, Any]:
        """What of it makes a scan another one."""
        names = ("artist", "collection", "min_played_s", "from_s", "to_s")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


@dataclass(frozen=True)
class _Recording:
    """A file, how it is spoken of, and what the database calls it."""

    path: Path
    name: str
    kept_name: str


def scan(
    catalogue: Catalogue,
    recording: Path | str,
    options: ScanOptions = ScanOptions(),
    listen: Listener = ignore,
    name: str | None = None,
) -> Iterator[Playing]:
    """The playings in a recording, in order of their starts, with what is unknown between them.

    It is spoken of by `name` [its path], and kept under it [its absolute path]. Raises AudioReadError, also after
    playings, where a recording breaks off, and where it ends before `from_s`; CatalogueEmpty, EncoderUnknown,
    SongUnknown.
    """
    encoder = catalogue.encoder(options.encoder, to_search=True)
    with catalogue.searching() as connection:
        search.check_not_empty(connection, encoder.stored)
        search.check_choice(connection, options.artist, options.collection)
    path = Path(recording)
    kept_name = name or text_of(os.path.abspath(path))  # noqa: PTH100  (links stay as they were typed)
    with Decoder() as decoder:
        named = _Recording(path, name or text_of(path), kept_name)
        yield from _scan(catalogue, encoder, named, options, listen, decoder)


def _scan(
    catalogue: Catalogue,
    encoder: LoadedEncoder,
    recording: _Recording,
    options: ScanOptions,
    listen: Listener,
    decoder: Decoder,
) -> Iterator[Playing]:
    rate_hz = encoder.network.spec.sample_rate_hz
    declared_s = decoder.length_s(recording.path, options.bounds)
    until_s = min(options.to_s or math.inf, declared_s or math.inf)
    if options.bounds.longest_s < until_s < math.inf:
        raise AudioReadError(recording.path, options.bounds.too_long)
    _check_goes_on(decoder, recording.path, rate_hz, options, declared_s)
    kept = _begun(catalogue, recording, encoder, options, listen)
    start_s = max(options.from_s, kept.scanned_s if kept else 0.0)
    before: list[Playing] = []
    if kept and kept.scanned_s:
        listen(Note(f"{recording.name}: goes on from {start_s:.0f} s, where an earlier scan was broken off"))
        with catalogue.connection() as connection:
            before = kept_playings(connection, kept.id)
        yield from before
    covered_s = max([options.from_s, *(playing.end_s for playing in before)])
    scanner = Scanner(catalogue, encoder, options.artist, options.collection, options.min_played_s, covered_s - start_s)
    total = math.ceil((until_s - start_s) / BATCH_S) if math.isfinite(until_s) else 0
    with closing(scanner):
        sound = decoder.decode(recording.path, rate_hz, options.bounds)
        blocks = between(sound, round(start_s * rate_hz), _samples(options.to_s, rate_hz))
        for number, playings in enumerate(scanner.hear(blocks), start=1):
            found = [shifted(playing, start_s) for playing in playings]
            found = [playing for playing in found if not any(is_rest_of(playing, earlier) for earlier in before)]
            if kept:
                plays, told_s = [vars(one) for one in found], start_s + scanner.told_s
                if scanner.is_done:
                    length_s = _length_s(start_s + scanner.heard_s, options.to_s, declared_s)
                    _finish(catalogue, kept, plays, told_s, length_s, listen)
                else:
                    catalogue.retrying(partial(scans.keep, scan_id=kept.id, plays=plays, scanned_s=told_s))
            listen(Step("scanning", min(number, total), total))
            yield from found


def _check_goes_on(decoder: Decoder, path: Path, rate_hz: int, options: ScanOptions, declared_s: float | None) -> None:
    """Raises AudioReadError where the recording ends before `from_s`; one that says no length is decoded to know."""
    if not options.from_s:
        return
    length_s = declared_s or 0.0
    if declared_s is None:
        for block in decoder.decode(path, rate_hz, options.bounds):
            length_s += len(block) / rate_hz
            if length_s > options.from_s:
                break
    if length_s <= options.from_s:
        reason = f"is only {clock(length_s)} long, and was to be heard from {clock(options.from_s)} on"
        raise AudioReadError(path, reason)


def _length_s(heard_s: float, to_s: float | None, declared_s: float | None) -> float | None:
    """How long a recording is that was heard up to `heard_s`: that is its end, unless no more was asked for."""
    if to_s is None or heard_s < to_s - END_S:
        return heard_s
    return None if declared_s is None else max(heard_s, declared_s)


def _begun(
    catalogue: Catalogue, recording: _Recording, encoder: LoadedEncoder, options: ScanOptions, listen: Listener
) -> StoredScan | None:
    """The scan that is kept: the same one where it was broken off, or a new one."""
    if not options.keep:
        return None
    digest, began_at, asked = sha256(recording.path), options.began_at, options.kept
    with catalogue.connection() as connection:
        whole = scans.enclosing(connection, digest, began_at, asked)
        if whole is not None:
            text = f"{recording.name}: not kept, since scan {whole} holds this stretch of the recording, and more"
            listen(Note(text))
            return None
        kept = scans.unfinished(connection, digest, began_at, encoder.id, asked)
        kept = kept or scans.begin(connection, recording.kept_name, digest, began_at, encoder.id, asked)
    listen(Begun(kept.id))
    return kept


def _finish(
    catalogue: Catalogue,
    kept: StoredScan,
    plays: Sequence[Mapping[str, Any]],
    scanned_s: float,
    duration_s: float | None,
    listen: Listener,
) -> None:
    """Keep the last playings, and that these are all; tell which earlier scans are replaced."""
    finish = partial(scans.finish, scan_id=kept.id, plays=plays, scanned_s=scanned_s, duration_s=duration_s)
    for replaced in catalogue.retrying(finish):
        listen(Replaced(replaced.id, replaced.recording))


def kept_playings(connection: psycopg.Connection, scan_id: int) -> list[Playing]:
    """The playings that are kept of a scan, in order of their starts."""
    rows = scans.plays_of(connection, scan_id)
    songs = scans.read_songs(connection, [row["song_id"] for row in rows if row["song_id"]])
    names = [field.name for field in fields(Playing)]
    found = []
    for row in rows:
        song = songs.get(row["song_id"])
        told = {"source": song.source, "isrc": song.isrc, "mbid": song.mbid} if song else {}
        found.append(Playing(**{name: row[name] for name in names if name in row} | told))
    return found


def _samples(seconds: float | None, rate_hz: int) -> int | None:
    return None if seconds is None else round(seconds * rate_hz)


def between(blocks: Iterable[Wave], first: int, last: int | None) -> Iterator[Wave]:
    """The samples from the number `first` to `last` [all], the latter excluded, of a stream in blocks."""
    at = 0
    for block in blocks:
        piece = block[max(0, first - at) : None if last is None else max(0, last - at)]
        at += len(block)
        if len(piece):
            yield piece
        if last is not None and at >= last:
            return


def is_rest_of(playing: Playing, earlier: Playing) -> bool:
    """Whether it is the end of a playing that was told before the scan was broken off, heard once more."""
    is_same = playing.song_id is not None and playing.song_id == earlier.song_id
    return is_same and earlier.start_s <= playing.start_s and playing.end_s <= earlier.end_s + LEAST_S


def shifted(playing: Playing, by_s: float) -> Playing:
    """The same playing in a recording that began earlier."""
    return replace(playing, start_s=playing.start_s + by_s, end_s=playing.end_s + by_s)
