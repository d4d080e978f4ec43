"""The file that songs travel in: a ZIP archive of their names, their fragments and their encoder, with checksums.

    manifest.json    what is in the file: format, encoder, how many songs and fragments, SHA-256 of each other member
    encoder/         the encoder as `songradar encoders add` reads it; may be left out
    songs.jsonl      a JSON object for each song
    fragments.copy   their fragments in the binary format of PostgreSQL's COPY: number of the song, position, embedding

A file may come from anybody. Members are looked up by these names, and nothing is unpacked under a name that the file
chooses. What is read at once is bounded; fragments are stored as they are, so that no file is much larger inside than
outside.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from songradar.db.exchange import ROW
from songradar.db.store import COPY_END, COPY_HEADER
from songradar.db.zips import DAMAGES
from songradar.ml.errors import EncoderFileError
from songradar.ml.package import CALIBRATION, CARD, COHORT, METRICS, NETWORK, SPEC, EncoderPackage, read_package
from songradar.unfinished import appearing, scratch

FORMAT, FORMAT_VERSION = "songradar songs", 1
MANIFEST, SONGS, FRAGMENTS, ENCODER = "manifest.json", "songs.jsonl", "fragments.copy", "encoder/"

BLOCK = 1 << 20
MAX_LINE = 1 << 20
"""Bytes of a line in songs.jsonl. Titles have 1,000 characters at most, paths some thousand."""

MAX_BYTES = {
    MANIFEST: 1 << 20,
    **{ENCODER + name: 1 << 24 for name in (SPEC, COHORT, CALIBRATION, METRICS, CARD)},
    ENCODER + NETWORK: 1 << 29,
}
"""How large the members may be that are read as a whole."""


class ArchiveUnusable(Exception):
    """A file that cannot be written, or that is none that songs can be read from."""


@dataclass(frozen=True)
class Member:
    """What the manifest says of another member."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a file holds. `encoder_sha256` is that of its network in hex, `spec` its AudioSpec."""

    songs: int
    fragments: int
    encoder: str
    encoder_sha256: str
    spec: dict[str, Any]
    members: dict[str, Member]
    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    songradar: str = ""


class Writer:
    """An archive that is being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members: dict[str, Member] = {}

    def add(self, name: str, pieces: Iterable[bytes], compression: int = zipfile.ZIP_DEFLATED) -> None:
        """Write a member, piece by piece."""
        info = zipfile.ZipInfo(name)
        info.compress_type = compression
        info.external_attr = 0o644 << 16
        digest, size = hashlib.sha256(), 0
        with self._archive.open(info, "w", force_zip64=True) as member:
            for piece in pieces:
                digest.update(piece)
                size += member.write(piece)
        self._members[name] = Member(size, digest.hexdigest())

    def add_encoder(self, folder: Path) -> None:
        """Write the files of an encoder."""
        for name in (NETWORK, SPEC, COHORT, CALIBRATION, METRICS, CARD):
            if (folder / name).exists():
                self.add(ENCODER + name, [(folder / name).read_bytes()])

    def finish(self, songs: int, fragments: int, encoder: str, encoder_sha256: bytes, spec: dict[str, Any]) -> Manifest:
        manifest = Manifest(
            songs, fragments, encoder, encoder_sha256.hex(), spec, dict(self._members), songradar=version("songradar")
        )
        self._archive.writestr(MANIFEST, json.dumps(asdict(manifest), indent=2) + "\n", zipfile.ZIP_DEFLATED)
        return manifest


@contextmanager
def writing(target: Path) -> Iterator[Writer]:
    """Write an archive to `target`, which must not exist yet; it is there when the block has ended, or not at all.

    Raises ArchiveUnusable.
    """
    try:
        with appearing(target) as unfinished, zipfile.ZipFile(unfinished, "w") as archive:
            yield Writer(archive)
    except FileExistsError as error:
        raise ArchiveUnusable(str(error)) from error
    except OSError as error:
        raise ArchiveUnusable(f"{target}: cannot be written ({error.strerror})") from error


class Reader:
    """An archive whose manifest and members are as they should be. `name` is what errors call it."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest, name: str) -> None:
        self._archive = archive
        self.manifest = manifest
        self.name = name

    @property
    def has_encoder(self) -> bool:
        return ENCODER + NETWORK in self.manifest.members

    def lines(self) -> Iterator[bytes]:
        """The lines of songs.jsonl. Raises ArchiveUnusable."""
        with self.member(SONGS) as file:
            while line := file.readline(MAX_LINE):
                yield line

    @contextmanager
    def member(self, name: str) -> Iterator[IO[bytes]]:
        """A member to read from. Raises ArchiveUnusable where it is damaged."""
        with _damage_of(self.name), self._archive.open(name) as file:
            yield file

    def read_encoder(self) -> EncoderPackage:
        """The encoder in the archive, which has been run. Raises ArchiveUnusable."""
        with scratch() as folder:
            for name in (NETWORK, SPEC, COHORT, CALIBRATION, METRICS, CARD):
                if ENCODER + name in self.manifest.members:
                    (folder / name).write_bytes(self._archive.read(ENCODER + name))
            try:
                package = read_package(folder, self.manifest.encoder)
            except (EncoderFileError, UnicodeDecodeError, AttributeError, TypeError, KeyError) as error:
                raise ArchiveUnusable(f"{self.name}: holds no encoder that can be used ({error})") from error
        if package.sha256.hex() != self.manifest.encoder_sha256:
            raise ArchiveUnusable(f"{self.name}: holds another network than its manifest says")
        return package


@contextmanager
def opened(source: Path) -> Iterator[Reader]:
    """Open an archive and read all of it once, to see that every member is what the manifest says.

    Raises ArchiveUnusable.
    """
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ArchiveUnusable(f"{source}: is no file that songradar export has written, or not all of one") from error
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise ArchiveUnusable(f"{source}: {reason}") from error
    with archive:
        with _damage_of(str(source)):
            manifest = _read_manifest(archive, source)
            for name, member in manifest.members.items():
                _check_member(archive, source, name, member)
        yield Reader(archive, manifest, str(source))


@contextmanager
def _damage_of(source: str) -> Iterator[None]:
    """Raise ArchiveUnusable for what zipfile says of archives that are damaged, encrypted or packed in other ways.

    Where a damaged archive says that a member lies before its beginning, that is an OSError.
    """
    try:
        yield
    except (*DAMAGES, OSError) as error:
        raise ArchiveUnusable(f"{source}: is damaged ({error})") from error


def _read_manifest(archive: zipfile.ZipFile, source: Path) -> Manifest:
    names = archive.namelist()
    if MANIFEST not in names or archive.getinfo(MANIFEST).file_size > MAX_BYTES[MANIFEST]:
        raise ArchiveUnusable(f"{source}: is no file that songradar export has written")
    try:
        values: Any = json.loads(_bytes_of(archive, MANIFEST))
        found = {key: values[key] for key in Manifest.__dataclass_fields__}
        format_version = int(found["format_version"])
        if found["format"] != FORMAT:
            raise ValueError(found["format"])
        if format_version > FORMAT_VERSION:
            raise ArchiveUnusable(f"{source}: is of format {format_version}, which takes a newer songradar")
        members = {str(name): Member(int(m["bytes"]), str(m["sha256"])) for name, m in found["members"].items()}
        manifest = Manifest(**found | {"members": members})
        sizes = [manifest.songs, manifest.fragments]
        if not all(type(size) is int and size >= 1 for size in sizes) or not isinstance(manifest.spec, dict):
            raise ValueError(sizes)
        if not isinstance(manifest.encoder, str) or not isinstance(manifest.encoder_sha256, str):
            raise TypeError(manifest.encoder)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ArchiveUnusable(f"{source}: has a manifest that songradar export has not written") from error
    allowed = {SONGS, FRAGMENTS, *MAX_BYTES} - {MANIFEST}
    if not {SONGS, FRAGMENTS} <= members.keys() <= allowed or sorted(names) != sorted([MANIFEST, *members]):
        raise ArchiveUnusable(f"{source}: does not hold what its manifest says")
    if members[FRAGMENTS].bytes != size_of_fragments(manifest.fragments):
        raise ArchiveUnusable(f"{source}: holds other than the {manifest.fragments} fragments that its manifest says")
    return manifest


def _check_member(archive: zipfile.ZipFile, source: Path, name: str, member: Member) -> None:
    info = archive.getinfo(name)
    manifest_fits = info.file_size == member.bytes <= MAX_BYTES.get(name, member.bytes)
    if not manifest_fits or (name == FRAGMENTS and info.compress_type != zipfile.ZIP_STORED):
        raise ArchiveUnusable(f"{source}: {name} is not as its manifest says")
    digest = hashlib.sha256()
    with _opened_member(archive, name) as file:
        while piece := file.read(BLOCK):
            digest.update(piece)
    if digest.hexdigest() != member.sha256:
        raise ArchiveUnusable(f"{source}: is damaged (checksum of {name})")


def _bytes_of(archive: zipfile.ZipFile, name: str) -> bytes:
    with _opened_member(archive, name) as file:
        return file.read()


def _opened_member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    try:
        return archive.open(name)
    except RuntimeError as error:  # zipfile's word for encrypted members
        raise zipfile.BadZipFile(str(error)) from error


def size_of_fragments(n: int) -> int:
    """Bytes of fragments.copy."""
    return len(COPY_HEADER) + n * ROW.itemsize + len(COPY_END)
