"""Titles and identifiers from each kind of tag, else from the name of the file."""

from pathlib import Path

import mutagen
import numpy as np
import pytest
from mutagen.id3 import ID3, TALB, TIT2, TPE1, TSRC, UFID
from mutagen.mp4 import MP4FreeForm

from songradar.ml.tags import Tags, read_tags, tags_from_name
from tests import synth

MBID = "2f5ba1b5-4e5c-4f0a-8f43-5dd3f4b2e1aa"
ISRC = "DEA731800123"
ALL = Tags("Vibe Ace", "Kevin MacLeod", "Jazz Sampler", ISRC, MBID)
QUIET = np.full(48_000, 0.1, np.float32)


def test_id3_tags_are_read(tmp_path):
    path = synth.encode(tmp_path / "01.mp3", QUIET, "libmp3lame")
    id3 = ID3()
    for frame in (
        TIT2(encoding=3, text="Vibe Ace"),
        TPE1(encoding=3, text="Kevin MacLeod"),
        TALB(encoding=1, text="Jazz Sampler"),
        TSRC(encoding=0, text=ISRC),
        UFID(owner="http://musicbrainz.org", data=MBID.encode()),
    ):
        id3.add(frame)
    id3.save(path)

    assert read_tags(path) == ALL


@pytest.mark.parametrize(("ending", "codec"), [("flac", "flac"), ("opus", "libopus")])
def test_vorbis_comments_are_read(ending, codec, tmp_path):
    path = synth.encode(tmp_path / f"01.{ending}", QUIET, codec)
    file = mutagen.File(path)
    file["TITLE"], file["ARTIST"], file["ALBUM"] = "Vibe Ace", "Kevin MacLeod", "Jazz Sampler"
    file["MUSICBRAINZ_TRACKID"], file["ISRC"] = MBID, ISRC
    file.save()

    assert read_tags(path) == ALL


def test_mp4_tags_are_read(tmp_path):
    path = synth.encode(tmp_path / "01.m4a", QUIET, "aac", container="ipod")
    file = mutagen.File(path)
    file["\xa9nam"], file["\xa9ART"], file["\xa9alb"] = "Vibe Ace", "Kevin MacLeod", "Jazz Sampler"
    file["----:com.apple.iTunes:MusicBrainz Track Id"] = MP4FreeForm(MBID.encode())
    file["----:com.apple.iTunes:ISRC"] = MP4FreeForm(ISRC.encode())
    file.save()

    assert read_tags(path) == ALL


def test_asf_tags_are_read(tmp_path):
    path = synth.encode(tmp_path / "01.wma", QUIET, "wmav2", container="asf")
    file = mutagen.File(path)
    file["Title"], file["Author"], file["WM/AlbumTitle"] = "Vibe Ace", "Kevin MacLeod", "Jazz Sampler"
    file["MusicBrainz/Track Id"], file["WM/ISRC"] = MBID, ISRC
    file.save()

    assert read_tags(path) == ALL


def test_file_without_tags_is_named_after_its_name(tmp_path, rng):
    path = synth.write_wav(tmp_path / "03 Kevin MacLeod - Vibe Ace.wav", synth.melody(rng, 1))

    assert read_tags(path) == Tags("Vibe Ace", "Kevin MacLeod")


def test_tagged_title_takes_no_artist_from_the_name(tmp_path):
    path = synth.encode(tmp_path / "Wrong - Name.flac", QUIET, "flac", metadata={"title": "Vibe Ace"})

    assert read_tags(path) == Tags("Vibe Ace")


def test_tagged_artist_wins_over_the_one_in_the_name(tmp_path):
    path = synth.encode(tmp_path / "Wrong - Vibe Ace.flac", QUIET, "flac", metadata={"artist": "Kevin MacLeod"})

    assert read_tags(path) == Tags("Vibe Ace", "Kevin MacLeod")


@pytest.mark.parametrize("title", ["", "  ", "\0"])
def test_blank_title_counts_as_none(title, tmp_path):
    path = synth.encode(tmp_path / "Kevin MacLeod - Vibe Ace.mp3", QUIET, "libmp3lame")
    id3 = ID3()
    id3.add(TIT2(encoding=3, text=title))
    id3.save(path)

    assert read_tags(path) == Tags("Vibe Ace", "Kevin MacLeod")


def test_nul_bytes_are_dropped(tmp_path):
    path = synth.encode(tmp_path / "01.flac", QUIET, "flac")
    file = mutagen.File(path)
    file["title"], file["artist"] = "Vibe\0 Ace", "Kevin MacLeod\0"
    file.save()

    assert read_tags(path) == Tags("Vibe Ace", "Kevin MacLeod")


@pytest.mark.parametrize("content", [b"", b"ID3\x04\x00\x00\x00\x00\x7f\x7f", b"fLaC" + bytes(100), b"OggS" + bytes(9)])
def test_unreadable_tags_count_as_none(content, tmp_path):
    path = tmp_path / "Kevin MacLeod - Vibe Ace.mp3"
    path.write_bytes(content)

    assert read_tags(path) == Tags("Vibe Ace", "Kevin MacLeod")


def test_missing_file_still_has_a_name(tmp_path):
    assert read_tags(tmp_path / "Kevin MacLeod - Vibe Ace.ogg") == Tags("Vibe Ace", "Kevin MacLeod")


@pytest.mark.parametrize(
    ("stem", "artist", "title"),
    [
        ("Vibe Ace", None, "Vibe Ace"),
        ("Kevin MacLeod - Vibe Ace", "Kevin MacLeod", "Vibe Ace"),
        ("01 Vibe Ace", None, "Vibe Ace"),
        ("01. Vibe Ace", None, "Vibe Ace"),
        ("01.Vibe Ace", None, "Vibe Ace"),
        ("01-Vibe Ace", None, "Vibe Ace"),
        ("01 - Vibe Ace", None, "Vibe Ace"),
        ("01) Vibe Ace", None, "Vibe Ace"),
        ("101 Vibe Ace", None, "Vibe Ace"),
        ("A1 - Vibe Ace", None, "Vibe Ace"),
        ("b12. Vibe Ace", None, "Vibe Ace"),
        ("7 - Kevin MacLeod - Vibe Ace", "Kevin MacLeod", "Vibe Ace"),
        ("07. Kevin MacLeod - Vibe Ace", "Kevin MacLeod", "Vibe Ace"),
        ("Kevin MacLeod - 07 Vibe Ace", "Kevin MacLeod", "Vibe Ace"),
        ("Kevin MacLeod - 07 - Vibe Ace", "Kevin MacLeod", "Vibe Ace"),
        ("Kevin MacLeod - Vibe Ace - Live", "Kevin MacLeod", "Vibe Ace - Live"),
        ("kevin_macleod_-_vibe_ace", "kevin macleod", "vibe ace"),
        ("01_vibe_ace", None, "vibe ace"),
        ("vibe__ace_", None, "vibe ace"),
        ("1999", None, "1999"),
        ("99", None, "99"),
        ("7", None, "7"),
        ("05 1999", None, "1999"),
        ("01 - 1999", None, "1999"),
        ("Prince - 1999", "Prince", "1999"),
        ("01 Prince - 1999", "Prince", "1999"),
        ("1984 (live)", None, "1984 (live)"),
        ("50ft Queenie", None, "50ft Queenie"),
        ("Boards of Canada - 1969", "Boards of Canada", "1969"),
        ("Señor Coconut - Ça plane pour moi", "Señor Coconut", "Ça plane pour moi"),
        (" - ", None, " - "),
        ("-", None, "-"),
        ("___", None, "___"),
    ],
)
def test_name_of_a_file_is_read(stem, artist, title):
    assert tags_from_name(Path(f"{stem}.wav")) == Tags(title, artist)
