"""A real server on a port of its own, and what asks it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette

from songradar import Catalogue
from songradar.encoders import recalibrate
from songradar.ingest import IngestOptions, ingest
from songradar.ml.audio import read_audio
from songradar.web.options import WebOptions
from songradar.web.serving import Address, server_of
from tests import synth
from tests.conftest import TEMPLATE, Server, cloned

GROVE = "template_grove"

WEIGHTS = {"fragments": [1], "intercept": [-6], "lead": [60], "peak": [0], "threshold": [0.5]}
"""A calibration with which the toy encoder accepts what it finds."""


@dataclass(frozen=True)
class Served:
    """A running server: its URL, its catalogue, a client that asks it, and the server itself."""

    url: str
    catalogue: Catalogue
    client: httpx.Client
    server: uvicorn.Server

    @property
    def app(self) -> Starlette:
        """The application that it runs."""
        return self.server.config.app

    def get(self, path: str, **options) -> httpx.Response:
        return self.client.get(f"/api/v1{path}", **options)

    def post(self, path: str, **options) -> httpx.Response:
        return self.client.post(f"/api/v1{path}", **options)


@contextmanager
def serving(catalogue: Catalogue, options: WebOptions, host: str = "127.0.0.1") -> Iterator[Served]:
    """The server, in a thread of its own, for the length of a block."""
    server = server_of(catalogue, Address(host, 0), options, "warning")
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server has ended"
            time.sleep(0.01)
        url = f"http://127.0.0.1:{port_of(server)}"
        with httpx.Client(base_url=url, timeout=60) as client:
            yield Served(url, catalogue, client, server)
    finally:
        server.should_exit = True
        thread.join()


def port_of(server: uvicorn.Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


@pytest.fixture(scope="session")
def grove(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, Path]]]:
    """A database to be cloned, with three songs by The Trees that the toy encoder has encoded; and their files."""
    rng = np.random.default_rng(20_261_127)
    folder = tmp_path_factory.mktemp("grove") / "music"
    folder.mkdir()
    songs = {
        title: synth.write_wav(folder / f"{number:02} The Trees - {title}.wav", synth.melody(rng, 12.0))
        for number, title in enumerate(("Amber", "Birch", "Cedar"), start=1)
    }
    server.execute(f"CREATE DATABASE {GROVE} TEMPLATE {TEMPLATE}")
    with Catalogue.open(server.url(GROVE)) as opened:
        list(ingest(opened, songs.values(), IngestOptions(workers=1)))
        recalibrate(opened, "toy", WEIGHTS)
    yield GROVE, songs
    server.execute(f"DROP DATABASE {GROVE} WITH (FORCE)")


@pytest.fixture
def music(grove: tuple[str, dict[str, Path]]) -> dict[str, Path]:
    """The files of the songs, by title."""
    return grove[1]


@pytest.fixture
def catalogue(
    server: Server, grove: tuple[str, dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Catalogue]:
    """The three songs, in a database of the test's own."""
    for url in cloned(server, monkeypatch, grove[0]):
        with Catalogue.open(url, statement_s=30) as opened:
            yield opened


@pytest.fixture
def options(tmp_path: Path) -> WebOptions:
    """Uploads are kept, and files in one folder may be named."""
    (tmp_path / "allowed").mkdir()
    return WebOptions(uploads=tmp_path / "uploads", folders=(tmp_path / "allowed",))


@pytest.fixture
def serve(catalogue: Catalogue, options: WebOptions) -> Callable[..., object]:
    """Serve the catalogue with changes of the options: `with serve(rate=60) as served`."""
    return lambda **changes: serving(catalogue, replace(options, **changes))


@pytest.fixture
def served(catalogue: Catalogue, options: WebOptions) -> Iterator[Served]:
    with serving(catalogue, options) as found:
        yield found


@pytest.fixture
def clip(music: dict[str, Path], tmp_path: Path) -> Path:
    """Five seconds of Birch, from the fourth second on."""
    song = read_audio(music["Birch"], synth.RATE_HZ)
    return synth.write_wav(tmp_path / "clip.wav", synth.cut(song, 4.0, 5.0))
