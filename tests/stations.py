"""A server on this machine that sends sound as radio stations do, and fails as they do.

`python -m tests.stations SONG...` sends songs one after another to whom listens, as long as they last.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import numpy as np

from songradar.ml.audio import read_audio
from tests import synth

PIECE = 4096
"""Bytes sent at a time."""


@dataclass
class Station:
    """What a server sends each listener, the first one first; the last of `programs` is for all that come later.

    A program is bytes, "hang" (nothing is sent, and nothing closed), or a number, which is an HTTP status. Programs
    are sent at `bytes_per_s` [at once], after which the connection is closed; with `stays_open`, after all is sent,
    it is kept open. `length` is what is said of it.
    """

    programs: list[bytes | str | int]
    bytes_per_s: float | None = None
    content_type: str = "audio/mpeg"
    stays_open: bool = False
    length: int | None = None
    n_listeners: int = 0
    gone: Event = field(default_factory=Event)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, station: Station, *arguments: object) -> None:
        self._station = station
        super().__init__(*arguments)

    def do_GET(self) -> None:
        station = self._station
        program = station.programs[min(station.n_listeners, len(station.programs) - 1)]
        station.n_listeners += 1
        if isinstance(program, int):
            self.send_error(program)
            return
        if program != "hang":
            self.send_response(200)
            self.send_header("Content-Type", station.content_type)
            if station.length is not None:
                self.send_header("Content-Length", str(station.length))
            self.end_headers()
            self._send(program)
        if program == "hang" or station.stays_open:
            station.gone.wait()

    def _send(self, program: bytes) -> None:
        for start in range(0, len(program), PIECE):
            if self._station.gone.is_set():
                return
            try:
                self.wfile.write(program[start : start + PIECE])
            except OSError:  # the listener has gone
                return
            if self._station.bytes_per_s:
                time.sleep(PIECE / self._station.bytes_per_s)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def on_air(station: Station) -> Iterator[str]:
    """The station's URL."""
    with _served(partial(_Handler, station)) as url:
        yield f"{url}/radio.mp3"
        station.gone.set()


@contextmanager
def folder_on_air(folder: Path) -> Iterator[str]:
    """The URL of a folder whose files are sent."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with _served(partial(Quiet, directory=str(folder))) as url:
        yield url


@contextmanager
def _served(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(songs: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wave = np.concatenate([read_audio(Path(song), 48_000) for song in songs])
        program = synth.encode(Path(folder) / "program.mp3", wave, "mp3").read_bytes()
    with on_air(Station([program], bytes_per_s=16_000)) as url:
        print(url, flush=True)
        time.sleep(len(program) / 16_000 + 5)


if __name__ == "__main__":
    main(sys.argv[1:])
