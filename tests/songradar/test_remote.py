"""Songs on the web and in a bucket: found, fetched when needed, and tried again where the network is disturbed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from songradar import Catalogue, remote
from songradar.farm import work as working
from songradar.farm.giving import enqueue
from songradar.farm.work import WorkOptions, work
from songradar.ml.errors import AudioReadError
from songradar.ml.files import Failure
from songradar.remote import at_hand, is_remote, remote_files
from tests.stations import Station, on_air

SONGS = "SELECT title, source, host FROM songradar.songs ORDER BY title"


class Shop(SimpleHTTPRequestHandler):
    """Serves a folder, but says first what is in `answers`: (method, status)."""

    answers: list[tuple[str, int]] = []  # noqa: RUF012

    def _said(self) -> bool:
        if self.answers and self.answers[0][0] == self.command:
            self.send_error(self.answers.pop(0)[1])
            return True
        return False

    def do_GET(self) -> None:
        self._said() or super().do_GET()

    def do_HEAD(self) -> None:
        self._said() or super().do_HEAD()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def shop(folder: Path) -> Iterator[str]:
    """The address of a folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Shop, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def shelf(music):
    with shop(music["Amber"].parent) as url:
        yield url
    Shop.answers.clear()


@pytest.fixture
def catalogue(database, monkeypatch):
    monkeypatch.setattr(working, "pause_s", lambda _attempts: 0)
    with Catalogue.open(database) as opened:
        yield opened


def address(shelf, path):
    return f"{shelf}/{path.name.replace(' ', '%20')}"


def worked(catalogue, told=None):
    at_once = WorkOptions(concurrency=1, drain=True)
    return [outcome.outcome for outcome in work(catalogue, at_once, (told if told is not None else []).append)]


def test_song_on_the_web_is_known_by_its_address(catalogue, shelf, music):
    amber = address(shelf, music["Amber"])
    states = [one.state for one in enqueue(catalogue, [amber])]
    outcomes = worked(catalogue)
    with catalogue.connection() as connection:
        songs = connection.execute(SONGS).fetchall()
    list(enqueue(catalogue, [amber]))

    assert (states, outcomes) == (["enqueued"], ["added"])
    assert songs == [("Amber", amber, "")]
    assert worked(catalogue) == ["already there"]


def test_disturbed_server_is_asked_again(catalogue, shelf, music):
    list(enqueue(catalogue, [address(shelf, music["Amber"])]))
    Shop.answers += [("HEAD", 503), ("GET", 503), ("GET", 503)]
    told = []

    assert worked(catalogue, told) == ["added"]
    assert len(told) == 2


def test_what_is_not_there_is_not_asked_for_again(catalogue, shelf, music):
    (missing,) = enqueue(catalogue, [f"{shelf}/nothing.mp3"])
    list(enqueue(catalogue, [address(shelf, music["Amber"])]))
    music["Amber"].unlink()
    told = []

    assert missing.state == "failed"
    assert missing.reason.startswith("cannot be fetched (404")
    assert worked(catalogue, told) == ["failed"]
    assert told == []


def test_fetching_that_breaks_off_may_be_tried_again(shelf, music, tmp_path):
    found = at_hand(address(shelf, music["Amber"]), tmp_path / "1")
    Shop.answers.append(("GET", 500))
    with pytest.raises(AudioReadError, match="cannot be fetched for now") as broken:
        found.fetch()
    found.fetch()

    assert broken.value.is_passing
    assert found.path.read_bytes() == music["Amber"].read_bytes()


def test_nobody_answers(tmp_path):
    found = at_hand("http://127.0.0.1:9/song.mp3", tmp_path)

    assert isinstance(found, Failure)
    assert found.is_passing


def test_address_that_is_none_is_one_sentence(tmp_path):
    (found,) = remote_files("http://[1/song.mp3")

    assert found == at_hand("http://[1/song.mp3", tmp_path)
    assert found.reason.startswith("cannot be fetched (")
    assert not found.is_passing


def test_folder_of_a_bucket_is_looked_through(monkeypatch):
    """By fsspec's file system in memory, which lists as buckets do."""
    import fsspec

    monkeypatch.setattr(remote, "SCHEMES", (*remote.SCHEMES, "memory"))
    bucket = fsspec.filesystem("memory")
    for name in ("1959/b.mp3", "1959/a.FLAC", "1959/cover.jpg", "1960/c.mp3"):
        bucket.pipe(f"/archive/{name}", b"sound")
    found = list(remote_files("memory://archive/1959/"))
    (nothing,) = remote_files("memory://archive/1961/")

    assert [(file.source, file.size) for file in found] == [
        ("memory:///archive/1959/a.FLAC", 5),
        ("memory:///archive/1959/b.mp3", 5),
    ]
    assert isinstance(nothing, Failure)


def test_too_large_a_song_is_not_fetched(monkeypatch, shelf, music, tmp_path):
    monkeypatch.setattr(remote, "LONGEST", 1000)

    assert "is larger than" in at_hand(address(shelf, music["Amber"]), tmp_path).reason


@pytest.mark.parametrize(
    ("bound", "reason"), [("LONGEST", "is larger than 4 GiB"), ("ENDLESS_S", "has no end after 0 s")]
)
def test_song_whose_server_does_not_say_its_length_is_bounded_as_it_comes(bound, reason, monkeypatch, tmp_path, music):
    monkeypatch.setattr(remote, bound, 0)
    with on_air(Station([music["Amber"].read_bytes()])) as url:
        song = at_hand(f"{url}song.wav", tmp_path / "new")
        with pytest.raises(AudioReadError, match=reason) as refused:
            song.fetch()

    assert not refused.value.is_passing


@pytest.mark.parametrize(
    "source", ["file:///etc/passwd", "ssh://host/x", "simplecache::s3://x/y", "/srv/music", "a.mp3"]
)
def test_other_schemes_are_paths(source):
    assert not is_remote(source)
