"""What is fuzzed: each target parses some bytes, and raises nothing but what its parser is documented to raise."""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from songradar.archive import FRAGMENTS, MANIFEST, SONGS, ArchiveUnusable, opened
from songradar.calibrate import fit_evaluation
from songradar.db.announcements import SONGS as CHANNEL
from songradar.db.announcements import parsed
from songradar.db.backup import BackupUnusable
from songradar.db.backup import opened as opened_backup
from songradar.edit import EditRefused, read_table
from songradar.ml.covers import read_cover
from songradar.ml.errors import EncoderFileError, TrainingDataError
from songradar.ml.package import (
    CALIBRATION,
    COHORT,
    METRICS,
    SPEC,
    WEIGHTS,
    read_calibration,
    read_cohort,
    read_metrics,
)
from songradar.ml.spec import AudioSpec
from songradar.ml.tags import LONGEST, read_tags, tags_from_name
from songradar.song_line import NotASong, song_in

SUFFIXES = (".mp3", ".ogg", ".flac", ".m4a", ".wav", ".opus", ".wma", ".aiff")
MANIFEST_OF_SONGS = {
    "format": "songradar songs",
    "format_version": 1,
    "songradar": "",
    "songs": 1,
    "fragments": 1,
    "encoder": "toy",
    "encoder_sha256": "00",
    "spec": {"hop_s": 1.0},
}


@contextmanager
def written(data: bytes, name: str = "fuzzed") -> Iterator[Path]:
    """A file of these bytes, for the length of a block."""
    with tempfile.TemporaryDirectory(prefix="songradar-fuzz-") as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


def tags(data: bytes) -> None:
    """The tags and the cover of a file; its first byte chooses the suffix, by which mutagen chooses the format."""
    with written(data[1:], "fuzzed" + SUFFIXES[data[0] % len(SUFFIXES)] if data else "fuzzed.mp3") as path:
        found = read_tags(path)
        read_cover(path)
    texts = [found.title, found.artist or "", found.album or ""]
    assert found.title
    assert all(len(text) <= LONGEST and "\0" not in text for text in texts)
    "".join(texts).encode()


def names(data: bytes) -> None:
    """Title and artist from a file's name."""
    name = os.fsdecode(data.replace(b"/", b"").replace(b"\0", b"")[:255])
    if name not in ("", ".", ".."):
        tags_from_name(Path(name)).title.encode()


def spec(data: bytes) -> None:
    """An encoder's AudioSpec."""
    with written(data, SPEC) as path, suppress(EncoderFileError):
        found = AudioSpec.read(path)
        found.samples(found.fragment_s)


def calibration(data: bytes) -> None:
    """An encoder's weights of the confidence, and its metrics."""
    with written(data, CALIBRATION) as path, suppress(EncoderFileError):
        weights = read_calibration(path)
        assert weights is not None
        assert np.isfinite([weights[name] for name in WEIGHTS]).all()
    with written(data, METRICS) as path, suppress(EncoderFileError):
        read_metrics(path)


def cohort(data: bytes) -> None:
    """An encoder's strangers, an array of NumPy."""
    with written(data, COHORT) as path, suppress(EncoderFileError):
        read_cohort(path)


def evaluation(data: bytes) -> None:
    """What `songradar calibrate` fits a confidence to."""
    with written(data) as path, suppress(TrainingDataError):
        fit_evaluation(path, "toy")


def table(data: bytes) -> None:
    """A table of changes to songs."""
    with suppress(EditRefused):
        list(read_table(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline=""), "fuzzed"))


def song(data: bytes) -> None:
    """A line of a file of songs."""
    with suppress(NotASong):
        song_in(data)


def archive(data: bytes) -> None:
    """A file of songs: bytes as they are, and as members whose checksums are right."""
    read_archive(data)
    manifest, _, songs = data.partition(b"\0")
    read_archive(packed(manifest, songs, b""))
    stated = MANIFEST_OF_SONGS | {"members": {name: stated_of(data) for name in (SONGS, FRAGMENTS)}}
    read_archive(packed(json.dumps(stated).encode(), data, data))


def stated_of(data: bytes) -> dict[str, object]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def packed(manifest: bytes, songs: bytes, fragments: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for name, content in ((MANIFEST, manifest), (SONGS, songs), (FRAGMENTS, fragments)):
            zipped.writestr(name, content)
    return file.getvalue()


def read_archive(data: bytes) -> None:
    with written(data) as path, suppress(ArchiveUnusable, NotASong), opened(path) as reader:
        for line in reader.lines():
            song_in(line)


def backup(data: bytes) -> None:
    """A backup: bytes as they are, and as its manifest."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr(MANIFEST, data)
    for content in (data, file.getvalue()):
        with written(content) as path, suppress(BackupUnusable), opened_backup(path):
            pass


def announcement(data: bytes) -> None:
    """What anybody may say on the channel of songs."""
    parsed(CHANNEL, data.decode("utf-8", "replace"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (tags, names, spec, calibration, cohort, evaluation, table, song, archive, backup, announcement)
}
