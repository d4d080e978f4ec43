"""A real server on a port of its own, and what asks it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
import uvicorn

from songradar import Catalogue
from songradar.encoders import recalibrate
from songradar.ingest import ingest
from songradar.web.options import WebOptions
from songradar.web.serving import Address, server_of
from tests import synth

WEIGHTS = {"fragments": [1], "intercept": [-6], "lead": [60], "peak": [0], "threshold": [0.5]}
"""A calibration with which the toy encoder accepts what it finds."""


@dataclass(frozen=True)
class Served:
    """A running server: its URL, its catalogue, and a client that asks it."""

    url: str
    catalogue: Catalogue
    client: httpx.Client

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
            yield Served(url, catalogue, client)
    finally:
        server.should_exit = True
        thread.join()


def port_of(server: uvicorn.Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


@pytest.fixture
def catalogue(database: str, music: dict[str, Path]) -> Iterator[Catalogue]:
    """Three songs by The Trees, encoded by the toy encoder."""
    with Catalogue.open(database, statement_s=30) as opened:
        list(ingest(opened, music.values()))
        recalibrate(opened, "toy", WEIGHTS)
        yield opened


@pytest.fixture
def options(tmp_path: Path, music: dict[str, Path]) -> WebOptions:
    """Uploads are kept, and the folder of the songs may be named."""
    return WebOptions(uploads=tmp_path / "uploads", folders=(music["Amber"].parent,))


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
    from songradar.ml.audio import read_audio

    song = read_audio(music["Birch"], synth.RATE_HZ)
    return synth.write_wav(tmp_path / "clip.wav", synth.cut(song, 4.0, 5.0))
