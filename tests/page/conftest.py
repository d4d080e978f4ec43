"""A demo that is served, and a real Chromium that visits it, whose microphone hears a noisy piece of a bundled song."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from songradar.cli.bundled import bundled_songs, write_noisy
from songradar.ml.audio import write_wav
from songradar.ml.noise import pink_noise
from tests import synth

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1200, "height": 800}

HEARD_FROM_S = 4.0
"""Where in the song the microphone begins to hear it."""

STARTING_S = 180
"""The demo ingests and scans first, which takes long where much else is done."""


def until(page, expression: str) -> None:
    """Wait until a JavaScript expression is true. The page's own policy forbids what Playwright would do for it."""
    for _ in range(300):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never came true: {expression}")


@dataclass(frozen=True)
class Sounds:
    """Recordings: what the microphone hears, a piece of a song, noise, and a song that is not in the catalogue."""

    microphone: Path
    piece: Path
    noise: Path
    new_song: Path


@pytest.fixture(scope="session")
def sounds(tmp_path_factory) -> Sounds:
    folder = tmp_path_factory.mktemp("sounds")
    names = ("microphone.wav", "piece.wav", "noise.wav", "The Trees - Oak.wav")
    found = Sounds(*(folder / name for name in names))
    with bundled_songs() as songs:
        write_noisy(songs / "karissa_hobbs_lets_go_fishin.ogg", HEARD_FROM_S, 26.0, 3.0, found.microphone)
        write_noisy(songs / "kevin_macleod_vibe_ace.m4a", 10.0, 5.0, 3.0, found.piece)
    write_wav(0.1 * pink_noise(80_000, np.random.default_rng(4)), 16_000, found.noise)
    synth.write_wav(found.new_song, synth.melody(np.random.default_rng(5), 12.0))
    return found


@pytest.fixture(scope="session")
def demo() -> Iterator[str]:
    """The address of `songradar serve --demo`."""
    pytest.importorskip("starlette", reason="needs songradar[web]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "songradar", "serve", "--demo", "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    url = f"http://127.0.0.1:{port}/"
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as served:
        try:
            until = time.monotonic() + STARTING_S
            while served.poll() is None and time.monotonic() < until:
                with suppress(OSError), urllib.request.urlopen(f"{url}api/v1/health", timeout=5):
                    break
                time.sleep(0.2)
            else:
                served.terminate()
                raise RuntimeError(f"the demo does not answer: {served.communicate()[0]}")
            yield url
        finally:
            served.terminate()
            served.communicate()


@pytest.fixture(scope="session")
def browser(sounds):
    """Chromium; pages may use the microphone if their test says so."""
    sync = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    flags = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={sounds.microphone}")
    with sync.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *flags])
        yield started
        started.close()


@pytest.fixture
def visit(browser, demo) -> Iterator[Callable]:
    """Open the page: `visit("#plays", size=PHONE)`. Nothing may go wrong meanwhile, or be fetched from elsewhere."""
    contexts, wrong = [], []

    def visit(where: str = "", size: dict[str, int] = DESKTOP, *, microphone: bool = True, **options):
        permissions = ["microphone"] if microphone else []
        settings = {"viewport": size, "permissions": permissions, "locale": "en-GB", "accept_downloads": True}
        context = browser.new_context(**settings | options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: request.url.startswith((demo, "blob:")) or wrong.append(request.url))
        page.goto(demo + where)
        page.wait_for_selector("main h1", state="attached")
        return page

    visit.wrong = wrong
    yield visit
    for context in contexts:
        context.close()
    assert wrong == []
