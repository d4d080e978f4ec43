"""Draws docs/page-*.png: songradar serve --demo, as a real Chromium shows it.

$ python docs/screenshots.py

It needs songradar[web,dev], Chromium, and the letters that the pictures are to have (Inter).
"""

import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from songradar.cli.bundled import bundled_songs, write_noisy

HERE = Path(__file__).parent
PHONE = {"width": 390, "height": 760}
DESKTOP = {"width": 1120, "height": 700}


@contextmanager
def served() -> Iterator[str]:
    """The address of a demo that is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "songradar", "serve", "--demo", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as demo:
        try:
            assert any("listens on" in line for line in demo.stderr or ())
            yield f"http://127.0.0.1:{port}/"
        finally:
            demo.terminate()


def main() -> None:
    """Make all pictures."""
    with tempfile.TemporaryDirectory() as scratch, served() as url, sync_playwright() as playwright:

        def browser(snr_db: float) -> Browser:
            """Its microphone hears a song, so much louder than noise."""
            microphone = Path(scratch, f"{snr_db}.wav")
            with bundled_songs() as folder:
                write_noisy(folder / "karissa_hobbs_lets_go_fishin.ogg", 6.0, 24.0, snr_db, microphone)
            flags = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={microphone}")
            return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", *flags])

        clear, noisy = browser(6.0), browser(-6.0)
        found(visit(clear, url, PHONE))
        listening(visit(noisy, url, PHONE, dark=True))
        timeline(visit(clear, f"{url}#plays/1", DESKTOP))
        catalogue(visit(clear, f"{url}#catalogue", DESKTOP))


def visit(browser: Browser, url: str, size: dict[str, int], *, dark: bool = False) -> Page:
    """A page of its own."""
    context = browser.new_context(
        viewport=size, color_scheme="dark" if dark else "light", permissions=["microphone"], locale="en-GB"
    )
    page = context.new_page()
    page.goto(url, wait_until="networkidle")
    return page


def listening(page: Page) -> None:
    """Before it is sure."""
    page.get_by_role("button", name="Listen").click()
    page.wait_for_selector("[data-state=listening]")
    page.wait_for_timeout(4000)
    save(page, "listening")


def found(page: Page) -> None:
    page.get_by_role("button", name="Listen").click()
    page.wait_for_selector("article.found")
    page.wait_for_timeout(4000)
    save(page, "found")


def timeline(page: Page) -> None:
    """A place of the mix, to be heard in both."""
    page.get_by_role("button", name="Hungarian Dance No. 5").first.click()
    page.wait_for_timeout(1500)
    save(page, "timeline")


def catalogue(page: Page) -> None:
    page.get_by_label("Search songs").blur()
    save(page, "catalogue")


def save(page: Page, name: str) -> None:
    page.screenshot(path=HERE / f"page-{name}.png")


if __name__ == "__main__":
    main()
