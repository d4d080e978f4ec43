"""Which files are found under a path, in which order, and what they are called."""

import contextlib
import hashlib
import os
import socket
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from songradar.ml.errors import AudioReadError
from songradar.ml.files import (
    AUDIO_SUFFIXES,
    LATEST,
    AudioFile,
    Failure,
    _moment,
    audio_files,
    path_of,
    sha256,
    text_of,
)

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@pytest.fixture
def folder(tmp_path):
    return tmp_path.resolve()


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def names(folder, *paths):
    found = list(audio_files(paths or [folder]))
    assert all(isinstance(file, AudioFile) for file in found)
    return [file.path.relative_to(folder).as_posix() for file in found]


def test_folders_are_searched_through_and_through(folder):
    put(folder, "a.mp3", "one/b.flac", "one/two/three/c.opus")

    assert names(folder) == ["a.mp3", "one/b.flac", "one/two/three/c.opus"]


def test_files_come_in_order_of_name(folder):
    put(folder, "c.mp3", "a.mp3", "b.mp3", "z/a.mp3", "y/b.mp3", "y/a.mp3")

    assert names(folder) == ["a.mp3", "b.mp3", "c.mp3", "y/a.mp3", "y/b.mp3", "z/a.mp3"]


def test_hidden_files_and_folders_are_skipped(folder):
    put(folder, "a.mp3", "._a.mp3", ".Trash/b.mp3", "music/.hidden/c.mp3")

    assert names(folder) == ["a.mp3"]


def test_only_audio_and_video_are_found(folder):
    put(folder, "cover.jpg", "notes.txt", "list.m3u", "mp3", "song.mp3.part", "SONG.MP3", "film.mkv")

    assert names(folder) == ["SONG.MP3", "film.mkv"]


@pytest.mark.parametrize("suffix", sorted(AUDIO_SUFFIXES))
def test_each_suffix_is_found(suffix, folder):
    put(folder, "song" + suffix)

    assert names(folder) == ["song" + suffix]


def test_file_named_outright_needs_no_audio_suffix(folder):
    put(folder, "song.bin", ".hidden")

    assert names(folder, folder / "song.bin", folder / ".hidden") == ["song.bin", ".hidden"]


def test_file_given_twice_comes_once(folder, monkeypatch):
    put(folder, "music/a.mp3", "music/b.mp3")
    monkeypatch.chdir(folder)
    paths = [Path("music/b.mp3"), folder / "music", Path("music/../music")]

    assert names(folder, *paths) == ["music/b.mp3", "music/a.mp3"]


@needs_posix
def test_link_to_a_file_is_that_file(folder):
    put(folder, "a.mp3")
    (folder / "b.mp3").symlink_to(folder / "a.mp3")

    assert names(folder) == ["a.mp3"]


@needs_posix
def test_link_in_circles_does_not_go_on_forever(folder):
    put(folder, "music/a.mp3")
    (folder / "music" / "again").symlink_to(folder / "music")
    (folder / "loop.mp3").symlink_to(folder / "loop.mp3")

    loop, file = audio_files([folder])
    assert isinstance(loop, Failure)
    assert file.path == folder / "music" / "a.mp3"


def test_size_and_time_are_those_on_disk(folder):
    put(folder, "a.mp3")
    os.utime(folder / "a.mp3", (1_700_000_000, 1_700_000_000))

    [file] = audio_files([folder])

    assert file == AudioFile(folder / "a.mp3", len("a.mp3"), datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC))


def test_path_that_does_not_exist_fails_in_its_place(folder):
    put(folder, "a.mp3", "b.mp3")
    paths = [folder / "a.mp3", folder / "nowhere.mp3", folder / "b.mp3"]

    first, failure, last = audio_files(paths)

    assert failure == Failure(str(folder / "nowhere.mp3"), "does not exist")
    assert str(failure) == f"{folder / 'nowhere.mp3'}: does not exist"
    assert (first.path.name, last.path.name) == ("a.mp3", "b.mp3")


def test_folder_without_audio_is_a_failure(folder):
    put(folder, "cover.jpg")

    assert list(audio_files([folder])) == [Failure(str(folder), "holds no audio files")]


@needs_posix
def test_dangling_link_is_a_failure_and_the_rest_goes_on(folder):
    put(folder, "b.mp3")
    (folder / "a.mp3").symlink_to(folder / "gone.mp3")

    failure, file = audio_files([folder])

    assert failure == Failure(str(folder / "a.mp3"), "does not exist")
    assert file.path == folder / "b.mp3"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_name_that_is_not_utf_8_is_escaped(folder):
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.mp3")).write_bytes(b"x")

    [file] = audio_files([folder])

    assert file.source == f"{folder}/caf\\xe9.mp3"
    assert file.source.encode() == os.fsencode(folder) + b"/caf\\xe9.mp3"
    assert file.path.read_bytes() == b"x"


def test_name_in_utf_8_is_kept(folder):
    put(folder, "Ça plane pour moi – 東京.mp3")

    [file] = audio_files([folder])

    assert file.source == str(folder / "Ça plane pour moi – 東京.mp3")


def test_sha256_is_that_of_the_bytes(folder, rng):
    content = rng.bytes(1_000_000)
    (folder / "a.mp3").write_bytes(content)

    assert sha256(folder / "a.mp3") == hashlib.sha256(content).digest()


def test_hash_of_a_missing_file_is_refused(folder):
    with pytest.raises(AudioReadError, match=r"nowhere\.mp3: cannot be read \("):
        sha256(folder / "nowhere.mp3")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_path_comes_back_from_its_text_whatever_its_bytes(rng):
    pieces = [b"\\", b"x", b"5c", b"e9", b"\xe9", b"\xff", "é".encode(), b"a", b"8"]
    for _ in range(5000):
        name = b"".join(pieces[i] for i in rng.integers(len(pieces), size=rng.integers(1, 9)))
        path = Path(os.fsdecode(b"/m/" + name))

        assert path_of(text_of(path)) == path


def test_ordinary_backslashes_stay_as_they_are():
    assert text_of(r"C:\music\Amber.mp3") == r"C:\music\Amber.mp3"


@needs_posix
def test_what_is_no_regular_file_is_a_failure(folder, monkeypatch):
    os.mkfifo(folder / "a.wav")
    (folder / "b.wav").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as unix:
        monkeypatch.chdir(folder)  # the path of a socket may not be long
        unix.bind("c.wav")

        assert list(audio_files([folder])) == [
            Failure(str(folder / name), "is not a regular file") for name in ("a.wav", "b.wav", "c.wav")
        ]


@needs_posix
def test_folder_that_may_not_be_read_is_a_failure_and_the_rest_goes_on():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        put(folder, "a.mp3", "locked/b.mp3", "open/c.mp3")
        folder.chmod(0o755)
        (folder / "locked").chmod(0)
        me = os.geteuid()
        try:
            if me == 0:
                os.seteuid(65_534)  # root may read everything, nobody may not
            found = list(audio_files([folder]))
        finally:
            os.seteuid(me)
            (folder / "locked").chmod(0o755)

    assert [str(item.path) for item in found] == [str(folder / name) for name in ("a.mp3", "open/c.mp3", "locked")]
    assert found[-1].reason == "may not be read (Permission denied)"


def test_time_stamp_beyond_all_calendars_is_no_obstacle(folder):
    put(folder, "a.mp3")
    for seconds in (1e13, -1e13):
        with contextlib.suppress(OSError):  # not every file system keeps such a time
            os.utime(folder / "a.mp3", (0, seconds))
        [file] = audio_files([folder])

        assert isinstance(file, AudioFile)


@pytest.mark.parametrize("seconds", [1e13, -1e13, 1e300])
def test_moment_that_no_calendar_holds_is_the_latest(seconds):
    assert _moment(seconds) == LATEST
