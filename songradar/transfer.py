"""Export songs with their fragments to a file, and import them into another catalogue, without any audio."""

import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import numpy as np
import psycopg
import sqlalchemy
from numpy.typing import NDArray

from songradar.archive import (
    FRAGMENTS,
    SONGS,
    ArchiveUnusable,
    Manifest,
    Reader,
    opened,
    size_of_fragments,
    writing,
)
from songradar.catalogue import Catalogue
from songradar.db import exchange
from songradar.db.cluster import check_no_cluster
from songradar.db.encoders import NewEncoder, add_encoder_to
from songradar.db.errors import EncoderMismatch, NotAllowed, SongRefused
from songradar.db.exchange import ROW, Chosen
from songradar.db.search import check_choice, check_not_empty, read_encoder
from songradar.db.store import COPY_END, COPY_HEADER
from songradar.encoders import read as read_encoder_of
from songradar.ml.package import write_package
from songradar.song_line import NotASong, song_in
from songradar.unfinished import scratch

OnProgress: TypeAlias = Callable[[str, float], None]
"""Told the stage and the share of it that is done."""

BATCH = 500
"""Songs written to PostgreSQL at a time."""

ROWS = 8192
"""Fragments read at a time: 1.2 MiB."""

CUT_BY = ("sample_rate_hz", "fragment_s", "hop_s")
"""Fields of an AudioSpec that say where in a song a fragment lies."""


@dataclass(frozen=True)
class ExportOptions:
    """What to export: songs by `artist` and in `collection` [all], as encoded by `encoder` [the active one].

    Without `network`, the file is for catalogues that have the encoder; without `paths`, it tells no more of where the
    songs lie than the names of their files.
    """

    artist: str | None = None
    collection: str | None = None
    encoder: str | None = None
    network: bool = True
    paths: bool = True


@dataclass(frozen=True)
class Exported:
    """What a file holds, and how many songs are not in it since the encoder has not encoded them."""

    manifest: Manifest
    left_out: int


@dataclass(frozen=True)
class Imported:
    """What came of a file: songs `added` and those that were `present`, by this encoder.

    `conflicts` were left out: their paths, which stand for other bytes here, with the number of that song.
    """

    encoder: str
    encoder_is_new: bool
    added: int
    present: int
    fragments: int
    conflicts: dict[str, int] = field(default_factory=dict)


def ignore(_stage: str, _share: float) -> None:
    """Listen to nothing."""


def export_songs(
    catalogue: Catalogue, target: Path, options: ExportOptions = ExportOptions(), on_progress: OnProgress = ignore
) -> Exported:
    """Write songs with their fragments and their encoder to `target`, which must not exist yet; see `archive`.

    All is of one moment. Raises ArchiveUnusable, EncoderUnknown, SongUnknown, CatalogueEmpty.
    """
    with catalogue.connection() as connection:
        check_no_cluster(connection, "to export")
        encoder = read_encoder(connection, options.encoder)
    whole = read_encoder_of(catalogue, encoder.name)
    chosen = Chosen(encoder.id, options.artist, options.collection)
    with catalogue.connection() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        check_not_empty(connection, encoder)
        check_choice(connection, options.artist, options.collection)
        extent = exchange.extent(connection, chosen)
        if not extent.songs:
            raise ArchiveUnusable(f"{target}: would be empty, as encoder {encoder.name} has encoded none of the songs")
        with writing(target) as archive:
            if options.network:
                with scratch() as folder:
                    write_package(whole, folder)
                    archive.add_encoder(folder)
            lines = (_line(song, paths=options.paths) for song in exchange.read_songs(connection, chosen))
            archive.add(SONGS, lines)
            pieces = exchange.read_fragments(connection, chosen)
            told = _told(pieces, size_of_fragments(extent.fragments), on_progress)
            archive.add(FRAGMENTS, told, zipfile.ZIP_STORED)
            manifest = archive.finish(extent.songs, extent.fragments, encoder.name, whole.sha256, encoder.spec)
    return Exported(manifest, extent.left_out)


def import_songs(
    catalogue: Catalogue, source: Path, collection: str | None = None, on_progress: OnProgress = ignore
) -> Imported:
    """Add the songs in the file `source`, in one transaction: all of them, or none where anything is wrong.

    The same bytes are the same song, so it may be done again at any time; what is known of a song already is left as it
    is. New songs go into `collection` [theirs]. An encoder that is not there is added with its network, and becomes the
    active one in a catalogue that has none. Raises ArchiveUnusable, EncoderMismatch, NotAllowed.
    """
    with opened(source) as archive, catalogue.engine.begin() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        check_no_cluster(raw, "to import into")
        encoder_id, encoder, is_new = _place_encoder(connection, archive)
        try:
            songs = _Songs(archive, collection)
            songs.write(raw, encoder_id, on_progress)
            exchange.write_fragments(raw, encoder_id, songs.fragments(on_progress))
        except SongRefused as error:
            raise ArchiveUnusable(f"{archive.name}: {error}") from error
    return Imported(encoder, is_new, songs.n_added, songs.n_present, songs.n_fragments_added, songs.conflicts)


def _line(song: dict[str, Any], *, paths: bool) -> bytes:
    """A song as a line of songs.jsonl."""
    if not paths:
        song |= {"source": PurePosixPath(song["source"]).name, "host": ""}
    song["modified_at"] = song["modified_at"].isoformat()
    return json.dumps(song, ensure_ascii=False).encode() + b"\n"


def _told(pieces: Iterable[bytes], total: int, on_progress: OnProgress) -> Iterator[bytes]:
    """The same pieces, and how far they are."""
    done = 0
    for piece in pieces:
        done += len(piece)
        on_progress("fragments", done / total)
        yield piece


def _place_encoder(connection: sqlalchemy.Connection, archive: Reader) -> tuple[int, str, bool]:
    """Number and name of the catalogue's encoder that is the archive's, and whether it came with it."""
    manifest = archive.manifest
    find = sqlalchemy.text("SELECT id, name, spec FROM songradar.encoders WHERE sha256 = decode(:sha256, 'hex')")
    if not re.fullmatch("[0-9a-f]{64}", manifest.encoder_sha256):
        raise ArchiveUnusable(f"{archive.name}: does not say which network its encoder is")
    known = connection.execute(find, {"sha256": manifest.encoder_sha256}).one_or_none()
    is_new = known is None
    if known is None:
        if not archive.has_encoder:
            raise ArchiveUnusable(
                f"{archive.name}: is encoded by {manifest.encoder}, a network that is neither in the file nor in the"
                " catalogue: add it with songradar encoders add"
            )
        package = archive.read_encoder()
        try:
            add_encoder_to(connection, NewEncoder(**vars(package)))
        except sqlalchemy.exc.ProgrammingError as error:
            if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                raise
            raise NotAllowed("the file brings a new encoder, which the owner of the schema alone may add") from error
        known = connection.execute(find, {"sha256": manifest.encoder_sha256}).one()
    for name in CUT_BY:
        if known.spec.get(name) != manifest.spec.get(name):
            raise EncoderMismatch(
                f"{archive.name}: its songs are cut with {name} {manifest.spec.get(name)}, and those here, by encoder"
                f" {known.name}, with {known.spec.get(name)}"
            )
    return known.id, known.name, is_new


class _Songs:
    """The songs of an archive on their way into a catalogue. What is kept of each is 12 bytes."""

    def __init__(self, archive: Reader, collection: str | None) -> None:
        self._archive = archive
        self._collection = collection
        n = archive.manifest.songs + 1  # they are numbered from 1 on
        if n > archive.manifest.fragments + 1:
            raise self._wrong("has more songs than fragments")
        self._ids = np.zeros(n, np.int32)
        self._n_fragments = np.zeros(n, np.int32)
        self._last_position = np.zeros(n, np.int32)
        self.conflicts: dict[str, int] = {}

    @property
    def n_added(self) -> int:
        return int(np.count_nonzero(self._ids))

    @property
    def n_present(self) -> int:
        return self._archive.manifest.songs - self.n_added - len(self.conflicts)

    @property
    def n_fragments_added(self) -> int:
        return int(self._n_fragments[self._ids > 0].sum())

    def write(self, connection: psycopg.Connection, encoder_id: int, on_progress: OnProgress) -> None:
        """Add the songs, without their fragments. Raises ArchiveUnusable, SongRefused."""
        songs = self._read()
        while batch := list(islice(songs, BATCH)):
            claimed = exchange.write_songs(connection, encoder_id, batch)
            for song in batch:
                self._ids[song["number"]] = claimed.ids.get(song["number"], 0)
                if song["number"] in claimed.conflicts:
                    self.conflicts[song["source"]] = claimed.conflicts[song["number"]]
            on_progress("songs", batch[-1]["number"] / self._archive.manifest.songs)

    def fragments(self, on_progress: OnProgress) -> Iterator[tuple[NDArray[np.int32], NDArray[np.void]]]:
        """The fragments of the songs that were added: numbers of songs (F,) and ROWs (F,), block by block.

        Raises ArchiveUnusable.
        """
        total = self._archive.manifest.fragments
        counted, last = np.zeros_like(self._n_fragments), np.int64(-1)
        with self._archive.member(FRAGMENTS) as file:
            if file.read(len(COPY_HEADER)) != COPY_HEADER:
                raise self._wrong("has fragments without the header of PostgreSQL's binary format")
            for start in range(0, total, ROWS):
                n = min(ROWS, total - start)
                rows = np.frombuffer(file.read(n * ROW.itemsize), ROW)
                last = self._check(rows, last)
                counted += np.bincount(rows["number"], minlength=len(counted)).astype(np.int32)
                ids = self._ids[rows["number"]]
                yield ids[ids > 0], rows[ids > 0]
                on_progress("fragments", (start + n) / total)
            if file.read() != COPY_END or not np.array_equal(counted, self._n_fragments):
                raise self._wrong("has other fragments than its songs say")

    def _check(self, rows: NDArray[np.void], last: np.int64) -> np.int64:
        """The place of the last row, where all come after `last`. Raises ArchiveUnusable."""
        fixed = {"n_fields": 3, "n_number": 4, "n_position": 4, "n_embedding": 132, "dim": 64, "unused": 0}
        if any((rows[name] != value).any() for name, value in fixed.items()):
            raise self._wrong("has rows that are no fragments of 64 dimensions")
        numbers, positions = rows["number"].astype(np.int64), rows["position"].astype(np.int64)
        places = np.concatenate([[last], numbers << 32 | positions])
        if not ((numbers >= 1) & (numbers < len(self._ids)) & (positions >= 0)).all() or (np.diff(places) <= 0).any():
            raise self._wrong("has fragments that are not in the order of songs and positions")
        if (positions > self._last_position[numbers]).any():
            raise self._wrong("has fragments after the end of their song")
        with np.errstate(invalid="ignore"):  # what is no number is of no length
            lengths = np.linalg.norm(rows["embedding"].astype(np.float32), axis=1)
        if not (np.abs(lengths - 1) < 0.1).all():
            raise self._wrong("has embeddings that are not of length 1")
        return np.int64(places[-1])

    def _read(self) -> Iterator[dict[str, Any]]:
        manifest, number = self._archive.manifest, 0
        for number, line in enumerate(self._archive.lines(), start=1):
            if number > manifest.songs:
                raise self._wrong(f"has more than the {manifest.songs} songs that its manifest says")
            try:
                song = song_in(line)
                if song["number"] != number:
                    raise NotASong(f"number {song['number']}")
            except NotASong as error:
                raise self._wrong(f"line {number} of {SONGS} is no song ({error})") from error
            self._n_fragments[number] = song["n_fragments"]
            self._last_position[number] = min(song["duration_s"] / manifest.spec["hop_s"] + 1, 2**31 - 1)
            yield song | ({"collection": self._collection} if self._collection else {})
        if number != manifest.songs:
            raise self._wrong(f"has {number} of the {manifest.songs} songs that its manifest says")

    def _wrong(self, what: str) -> ArchiveUnusable:
        return ArchiveUnusable(f"{self._archive.name}: {what}")
