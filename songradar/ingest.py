"""Fill a catalogue with files: what it has is skipped, what has moved is followed, what has changed is replaced."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from songradar.catalogue import Catalogue, LoadedEncoder, add_package
from songradar.db import store
from songradar.db.errors import SongRefused
from songradar.db.search import has_encoders
from songradar.db.store import NOWHERE, Change, KnownFile, NewSong
from songradar.missing import missing_songs
from songradar.ml.decoder import UNBOUNDED, Bounds
from songradar.ml.encoder import Fingerprint
from songradar.ml.extraction import Extracted, Extraction, HashedFile, usable_cores
from songradar.ml.files import AudioFile, Failure, audio_files, path_of, stat, text_of
from songradar.ml.package import read_shipped
from songradar.ml.tags import Tags
from songradar.outcomes import FileOutcome, Result
from songradar.tending import tend_index
from songradar.twins import Twins, twins_of

LOOKED_UP = 500
"""Files looked up in the database at a time by path, size and time stamp."""

HASHED_AHEAD = 32
"""Files whose bytes are read before the encoder needs them."""

TENDED_FIRST, TENDED_EVERY = 125, 2000
"""The index is checked when so many songs were stored, when it is twice as many, and so on, but each time that
TENDED_EVERY more were. It is rebuilt if it has far outgrown its lists, in which twins are looked for, too."""


@dataclass(frozen=True)
class IngestOptions:
    """How to ingest: files in work at once [as many as usable cores], the encoder [the active one], the part of the
    catalogue that new songs go into, whether to remove songs whose files are gone that were below those of the given
    paths that hold audio, whether to build an outgrown index again in the end, and whether to leave out new songs that
    are there in another file, whole. `tell_twins` is whether to look for such files at all; `bounds` how much of each
    file is heard.
    """

    workers: int | None = None
    encoder: str | None = None
    collection: str | None = None
    prune: bool = False
    tend_index: bool = True
    skip_duplicates: bool = False
    tell_twins: bool = True
    bounds: Bounds = UNBOUNDED


RESULT_OF: dict[Change, Result] = {
    Change.ADDED: "added",
    Change.PRESENT: "already there",
    Change.MOVED: "moved",
    Change.REPLACED: "replaced",
}


@dataclass(frozen=True)
class Origin:
    """Whose files are ingested: the machine that the catalogue knows them by, and where its paths lie on this one.

    `locate` gives None for a file that no path leads to, as on the web.
    """

    host: str
    locate: Callable[[str], Path | None] = path_of


def ingest(
    catalogue: Catalogue, paths: Iterable[Path | str] | Path | str, options: IngestOptions = IngestOptions()
) -> Iterator[FileOutcome]:
    """Bring the catalogue up to date with the files in `paths`, and tell what became of each as soon as it is known.

    Each song is one transaction, so it may be broken off at any moment, by closing the iterator or by a kill. A server
    that goes away meanwhile is waited for. A catalogue without encoders gets the one that comes with songradar.
    Raises EncoderUnknown, SongUnknown.
    """
    given = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    workers = options.workers or usable_cores()
    ensure_encoder(catalogue)
    encoder = catalogue.encoder(options.encoder, threads=0 if workers == 1 else 1)
    files = list(audio_files(given))
    barren = {text_of(path) for path in given} & {file.path for file in files if isinstance(file, Failure)}
    if options.prune:
        files = [_explained(file) if isinstance(file, Failure) and file.path in barren else file for file in files]
    with Extraction(encoder.network, workers, options.bounds) as extraction:
        for number, outcome in enumerate(ingest_files(catalogue, encoder, extraction, files, options), start=1):
            yield FileOutcome(**vars(outcome) | {"number": number, "total": len(files)})
    if options.prune:  # now that songs whose files have moved are known by their new paths
        yield from _prune(catalogue, [path for path in given if text_of(path) not in barren], len(files))
    if options.tend_index:
        tend_index(catalogue, encoder.name)


def _explained(failure: Failure) -> Failure:
    """A path that holds no audio looks the same when its disk is away, so nothing is removed for its sake."""
    return replace(failure, reason=f"{failure.reason}, so the songs below it are kept: is its disk there?")


def _prune(catalogue: Catalogue, below: Sequence[Path], n_files: int) -> Iterator[FileOutcome]:
    """Remove the songs whose files below these paths are gone; `n_files` were told of before."""
    gone = missing_songs(catalogue, below)
    for number, song in enumerate(gone, start=n_files + 1):
        forgotten = catalogue.retrying(partial(store.forget_file, song_id=song.id, source=song.source, host=song.host))
        if forgotten:
            yield FileOutcome(song.source, "removed", number=number, total=n_files + len(gone))


def ingest_files(
    catalogue: Catalogue,
    encoder: LoadedEncoder,
    extraction: Extraction,
    files: Sequence[AudioFile | Failure],
    options: IngestOptions,
    origin: Origin | None = None,
) -> Generator[FileOutcome, None, None]:
    """Bring the catalogue up to date with `files` of one machine [this one], which `extraction` hears.

    Where it is broken off, `extraction` goes on with some of them until it is closed.
    """
    ingestion = _Ingestion(catalogue, encoder, extraction, options, origin or Origin(catalogue.host))
    yield from ingestion.run(files, 2 * extraction.workers)


def ensure_encoder(catalogue: Catalogue) -> None:
    """Give a catalogue without encoders the one that comes with songradar."""
    with catalogue.connection() as connection:
        has_any = has_encoders(connection)
    if not has_any:
        add_package(catalogue, read_shipped())


class _Ingestion:
    """One run: looks files up ahead of the encoder, and stores what it has encoded."""

    def __init__(
        self,
        catalogue: Catalogue,
        encoder: LoadedEncoder,
        extraction: Extraction,
        options: IngestOptions,
        origin: Origin,
    ) -> None:
        self._catalogue = catalogue
        self._encoder = encoder
        self._extraction = extraction
        self._options = options
        self._origin = origin
        self._n_stored = 0
        self._tend_at = TENDED_FIRST

    def run(self, files: Sequence[AudioFile | Failure], n_encoding: int) -> Iterator[FileOutcome]:
        """Outcomes in the order in which they come: with one worker, that of the files that are new.

        At most `n_encoding` files are with the encoder.
        """
        unknown = self._unknown(files)
        hashing: list[Future[HashedFile | Failure]] = []
        encoding: list[Future[Extracted | Failure]] = []
        hashed: deque[HashedFile] = deque()
        while True:
            item = None
            for item in islice(unknown, max(0, HASHED_AHEAD - len(hashing) - len(hashed))):
                if isinstance(item, FileOutcome):
                    yield item
                else:
                    hashing.append(self._extraction.hash(item))
            while hashed and len(encoding) < n_encoding:
                encoding.append(self._extraction.encode(hashed.popleft()))
            if not hashing and not encoding:
                if item is None:
                    return
                continue
            pending: list[Future[Any]] = [*hashing, *encoding]
            done = wait(pending, return_when=FIRST_COMPLETED).done
            read = [future.result() for future in hashing if future in done]
            ready = [future.result() for future in encoding if future in done]
            hashing = [future for future in hashing if future not in done]
            encoding = [future for future in encoding if future not in done]
            yield from self._look_up(read, hashed)
            for result in ready:
                yield self._store(result)

    def _unknown(self, files: Sequence[AudioFile | Failure]) -> Iterator[AudioFile | FileOutcome]:
        """The files of which the catalogue does not know path, size and time stamp, and outcomes for the others."""
        for start in range(0, len(files), LOOKED_UP):
            batch = files[start : start + LOOKED_UP]
            stamps = {file.source: (file.size, file.modified_at) for file in batch if isinstance(file, AudioFile)}
            known = self._catalogue.retrying(
                partial(store.unchanged, encoder_id=self._encoder.id, host=self._origin.host, files=stamps)
            )
            for file in batch:
                if isinstance(file, Failure):
                    yield _failed(file)
                elif file.source in known:
                    yield FileOutcome(file.source, "already there")
                else:
                    yield file

    def _look_up(self, read: Sequence[HashedFile | Failure], new: deque[HashedFile]) -> Iterator[FileOutcome]:
        """Append to `new` the files whose bytes the catalogue does not know; outcomes for the others."""
        hashes = [item.sha256 for item in read if isinstance(item, HashedFile)]
        indexed = partial(store.indexed, encoder_id=self._encoder.id, hashes=hashes)
        known = self._catalogue.retrying(indexed) if hashes else {}
        for item in read:
            if isinstance(item, Failure):
                yield _failed(item)
            elif item.sha256 not in known:
                new.append(item)
            else:
                yield self._follow(item, known[item.sha256])

    def _follow(self, item: HashedFile, known: KnownFile) -> FileOutcome:
        """The outcome of a file with known bytes: a copy if the known path still has them, else the song has moved.

        A song that came without a file, from another catalogue, has one now.
        """
        host, source = self._origin.host, item.file.source
        same_path = (known.source, known.host) == (source, host)
        elsewhere = known.host not in (host, NOWHERE)
        if not same_path and (elsewhere or (known.host and _is_there(known, self._origin.locate(known.source)))):
            return FileOutcome(source, "already there")
        try:
            song = self._song(item, self._extraction.tags(item.file))
            self._catalogue.retrying(partial(store.relocate, song=song))
        except SongRefused as error:
            return FileOutcome(source, "failed", reason=str(error))
        return FileOutcome(source, "already there" if same_path or known.host == NOWHERE else "moved")

    def _store(self, result: Extracted | Failure) -> FileOutcome:
        if isinstance(result, Failure):
            return _failed(result)
        fingerprint, source = result.fingerprint, result.hashed.file.source
        song = self._song(result.hashed, result.tags, fingerprint.duration_s)
        try:
            twins = self._twins(song, fingerprint)
            if twins.whole and self._options.skip_duplicates:
                return FileOutcome(source, "duplicate", fingerprint.duration_s, twins=twins.found)
            change = self._catalogue.retrying(
                partial(
                    store.add_song,
                    song=song,
                    encoder_id=self._encoder.id,
                    positions=fingerprint.positions,
                    embeddings=fingerprint.embeddings,
                )
            )
        except SongRefused as error:
            return FileOutcome(source, "failed", reason=str(error))
        if change == Change.PRESENT:
            return FileOutcome(source, "already there")
        self._tend()
        n_fragments = len(fingerprint.positions)
        return FileOutcome(source, RESULT_OF[change], fingerprint.duration_s, n_fragments, twins=twins.found)

    def _twins(self, song: NewSong, fingerprint: Fingerprint) -> Twins:
        if not (self._options.tell_twins or self._options.skip_duplicates):
            return Twins()
        with store.refusals():
            twins = partial(twins_of, encoder=self._encoder, song=song, fingerprint=fingerprint)
            return self._catalogue.retrying(twins)

    def _tend(self) -> None:
        """Another song is stored."""
        self._n_stored += 1
        if self._n_stored == self._tend_at:
            self._tend_at += min(self._tend_at, TENDED_EVERY)
            tend_index(self._catalogue, self._encoder.name, by_far=True)

    def _song(self, item: HashedFile, tags: Tags, duration_s: float | None = None) -> NewSong:
        """What the database keeps of a file; without `duration_s`, before anybody has listened to it."""
        return NewSong(
            source=item.file.source,
            host=self._origin.host,
            size_bytes=item.file.size,
            modified_at=item.file.modified_at,
            sha256=item.sha256,
            title=tags.title,
            artist=tags.artist,
            album=tags.album,
            isrc=tags.isrc,
            mbid=tags.mbid,
            duration_s=duration_s,
            collection=self._options.collection,
        )


def _failed(failure: Failure) -> FileOutcome:
    return FileOutcome(failure.path, "failed", reason=failure.reason, is_passing=failure.is_passing)


def _is_there(known: KnownFile, path: Path | None) -> bool:
    """Whether the file that the catalogue knows lies at `path`, unchanged by its stamp; True where none leads to it."""
    if path is None:
        return True
    found = stat(path)
    return isinstance(found, AudioFile) and (found.size, found.modified_at) == (known.size_bytes, known.modified_at)
