"""Covers out of each kind of file, and what is no cover."""

import base64

import mutagen
import numpy as np
import pytest
from mutagen.flac import Picture
from mutagen.id3 import APIC, ID3
from mutagen.mp4 import MP4Cover

from songradar.ml.covers import LARGEST, Cover, read_cover
from tests import synth

QUIET = np.full(48_000, 0.1, np.float32)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(200))


def flac_picture(data: bytes, kind: int = 3) -> Picture:
    picture = Picture()
    picture.type, picture.mime, picture.data = kind, "image/anything", data
    return picture


def mp3_with(tmp_path, *pictures: tuple[int, bytes]):
    path = synth.encode(tmp_path / "song.mp3", QUIET, "libmp3lame")
    id3 = ID3()
    for number, (kind, data) in enumerate(pictures):
        id3.add(APIC(encoding=3, mime="text/html", type=kind, desc=str(number), data=data))
    id3.save(path)
    return path


def test_front_cover_of_mp3_is_taken_and_its_type_is_what_it_is(tmp_path):
    path = mp3_with(tmp_path, (4, JPEG), (3, PNG))

    assert read_cover(path) == Cover(PNG, "image/png")


def test_cover_of_flac_is_read(tmp_path):
    path = synth.encode(tmp_path / "song.flac", QUIET, "flac")
    file = mutagen.File(path)
    file.add_picture(flac_picture(JPEG))
    file.save()

    assert read_cover(path) == Cover(JPEG, "image/jpeg")


def test_cover_in_vorbis_comments_is_read(tmp_path):
    path = synth.encode(tmp_path / "song.opus", QUIET, "libopus")
    file = mutagen.File(path)
    file["METADATA_BLOCK_PICTURE"] = base64.b64encode(flac_picture(PNG).write()).decode()
    file.save()

    assert read_cover(path) == Cover(PNG, "image/png")


def test_cover_of_mp4_is_read(tmp_path):
    path = synth.encode(tmp_path / "song.m4a", QUIET, "aac")
    file = mutagen.File(path)
    file["covr"] = [MP4Cover(JPEG, MP4Cover.FORMAT_JPEG)]
    file.save()

    assert read_cover(path) == Cover(JPEG, "image/jpeg")


@pytest.mark.parametrize(
    "data",
    [b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", b"", b"RIFF....WAVE", JPEG + bytes(LARGEST)],
    ids=["svg", "empty", "sound", "huge"],
)
def test_what_browsers_do_not_show_as_a_picture_is_no_cover(data, tmp_path):
    assert read_cover(mp3_with(tmp_path, (3, data))) is None


def test_damaged_and_missing_files_have_no_cover(tmp_path):
    path = synth.encode(tmp_path / "song.opus", QUIET, "libopus")
    file = mutagen.File(path)
    file["METADATA_BLOCK_PICTURE"] = "no base64, and no picture"
    file.save()

    assert read_cover(path) is None
    assert read_cover(tmp_path / "gone.mp3") is None
