"""Clients that go away in the middle leave nothing behind."""

import os
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest
from websockets.sync.client import connect

from tests import synth
from tests.web.conftest import Served

WAITED_S = 30.0
SECONDS = 60.0


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files, empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def song(rng, tmp_path) -> bytes:
    return synth.write_wav(tmp_path / "song.wav", synth.melody(rng, SECONDS)).read_bytes()


def under_way(served: Served) -> dict[str, object]:
    """What there is of requests that are under way, as far as there is any."""
    with served.catalogue.connection() as connection:
        [busy] = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()"
        ).fetchone()
    found = {
        "files": os.listdir(tempfile.gettempdir()),  # noqa: PTH208  (names, for the message)
        "threads": [t.name for t in threading.enumerate() if t.name.startswith(("hash", "encode", "scan"))],
        "connections": len(served.server.server_state.connections),
        "in the database": busy,
        "listeners": served.app.state.service.n_live,
    }
    return {name: value for name, value in found.items() if value}


def held() -> tuple[int, list[str]]:
    """Processes, and files that are open."""
    process = psutil.Process()
    return len(process.children()), sorted(file.path for file in process.open_files())


def left_by(served: Served, act: Callable[[], None]) -> dict[str, object]:
    """What is still under way after `act` and some time, and what is held that was not before."""
    act()  # the first time, what stays for the next is begun: decoders, threads, connections
    left = until(lambda: under_way(served))
    before = held()
    act()
    left |= until(lambda: under_way(served))
    return left | until(lambda: {"held": (before, held())} if held() != before else {})


def until(look: Callable[[], dict[str, object]]) -> dict[str, object]:
    """What there is to see until there is nothing, or after WAITED_S."""
    end = time.monotonic() + WAITED_S
    while (found := look()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def gone(served: Served, path: str, body: bytes, n_sent: int, content_type: str = "audio/wav") -> None:
    """Send the first bytes of a body, and break the connection."""
    address = urlsplit(served.url)
    head = (
        f"POST /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as client:
        client.sendall(head.encode() + body[:n_sent])
        time.sleep(0.2)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # as a cable that is pulled


@pytest.mark.parametrize("path", ["/identify", "/ingest", "/scans"])
def test_upload_that_stops_in_the_middle_leaves_nothing(served, temporary, song, path):
    assert left_by(served, lambda: gone(served, path, song, len(song) // 2)) == {}


def test_form_that_stops_in_the_middle_leaves_nothing(served, temporary, song):
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body, kind = head + song + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"

    assert left_by(served, lambda: gone(served, "/identify", body, len(body) // 2, kind)) == {}


@pytest.mark.parametrize("path", ["/ingest", "/scans?keep=false"])
def test_client_that_does_not_wait_for_the_answer_leaves_nothing(served, temporary, song, path):
    assert left_by(served, lambda: gone(served, path, song, len(song))) == {}


def test_listener_that_is_cut_off_leaves_nothing(served, temporary, song):
    blocks = np.frombuffer(song, np.uint8)[: 6 * 16_000].tobytes()

    def listen() -> None:
        with connect(f"{served.url.replace('http', 'ws')}/api/v1/live?keep=false") as client:
            for start in range(0, len(blocks), 8192):
                client.send(blocks[start : start + 8192])
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.socket.close()

    assert left_by(served, listen) == {}
