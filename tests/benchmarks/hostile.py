"""Harmful files by the thousand before a real server: `python -m tests.benchmarks.hostile --help`."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import click
import httpx
import numpy as np

from songradar.catalogue import Catalogue
from songradar.cli.bundled import bundled_songs, write_noisy
from songradar.cli.output import print_table, warn
from songradar.ingest import ingest
from tests import hostile
from tests.benchmarks.serving import private_mb, served

SECRET = "what nobody may be told"
PATHS = (*["/identify"] * 18, "/scans", "/ingest")
"""Where the files of each kind go, in turn."""

BATCH, WARM = 60, 12


@dataclass
class Outcome:
    """What became of the files of a kind: how often what was answered, and the slowest answer in seconds."""

    answers: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0

    def add(self, answer: str, seconds: float) -> None:
        self.answers[answer] += 1
        self.slowest_s = max(self.slowest_s, seconds)


@click.command()
@click.option("--number", default=10_000, show_default=True, help="Files to send.")
@click.option("--seed", default=1, show_default=True, help="Makes them others.")
@click.option("--at-once", default=2, show_default=True, help="Clients that send.")
def main(number: int, seed: int, at_once: int) -> None:
    """Send harmful files to a served catalogue; print what became of them, by kind."""
    with TemporaryDirectory() as folder, Catalogue.temporary() as catalogue, decoy() as (decoy_url, asked):
        home, temporary, secret = Path(folder), Path(folder, "temporary"), Path(folder, "secret.wav")
        temporary.mkdir()
        with bundled_songs() as songs:
            list(ingest(catalogue, songs))
            write_noisy(next(songs.glob("kevin*")), 10.0, 5.0, 3.0, home / "known.wav")
        known, whole = (home / "known.wav").read_bytes(), hostile.originals(home)
        secret.write_bytes(whole[0] + SECRET.encode())
        decoys = [str(secret), secret.as_uri(), decoy_url, f"{decoy_url}/a.m3u8"]
        made = hostile.files(np.random.default_rng(seed), number, whole, decoys)
        with (
            served(catalogue, "--uploads", str(home / "uploads"), TMPDIR=str(temporary)) as (url, process),
            httpx.Client(base_url=f"{url}api/v1", timeout=1500) as client,
        ):
            with ThreadPoolExecutor(WARM) as pool:  # from now on, all decoders run
                list(pool.map(lambda _: client.post("/identify", content=known), range(4 * WARM)))
            outcomes, memory = send_all(client, made, at_once, lambda: private_mb(process))
            is_named = client.post("/identify", content=known).json()["matched"]
        left = [path.name for path in temporary.iterdir()]
    print_outcomes(outcomes)
    quarters = (memory[round(len(memory[1:]) * part / 4)] for part in range(5))
    click.echo(f"memory, MB: {', '.join(f'{mb:.0f}' for mb in quarters)}; at most {max(memory):.0f}")
    click.echo(f"temporary files left: {', '.join(left) or 'none'}; decoys that were opened: {len(asked)}")
    click.echo(f"a known song is named in the end: {'yes' if is_named else 'no'}")


def send_all(
    client: httpx.Client, made: Iterator[tuple[str, bytes]], n_at_once: int, memory_mb: Callable[[], float]
) -> tuple[dict[str, Outcome], list[float]]:
    """Send files as they are made; what became of them by kind, and the server's memory before, between, and after."""
    outcomes: dict[str, Outcome] = defaultdict(Outcome)
    memory, n_sent = [memory_mb()], 0
    with ThreadPoolExecutor(n_at_once) as pool:
        while batch := list(islice(made, BATCH)):
            numbers = range(n_sent, n_sent + len(batch))
            for kind, answer, seconds in pool.map(partial(sent, client), numbers, batch):
                outcomes[kind].add(answer, seconds)
            n_sent += len(batch)
            memory.append(memory_mb())
            warn(f"{n_sent} files")
    return outcomes, memory


def print_outcomes(outcomes: Mapping[str, Outcome]) -> None:
    columns = sorted({answer for one in outcomes.values() for answer in one.answers})
    rows = [
        (kind, *(f"{one.answers[column]:,}" for column in columns), f"{one.slowest_s:.1f}")
        for kind, one in outcomes.items()
    ]
    print_table(("kind", *columns, "slowest, s"), rows)


def sent(client: httpx.Client, number: int, file: tuple[str, bytes]) -> tuple[str, str, float]:
    """Send one file: its kind, what was answered, and after how many seconds."""
    kind, data = file
    path = PATHS[(number // len(hostile.KINDS) + number) % len(PATHS)]  # each kind goes everywhere, in turn
    started = time.monotonic()
    query = {"keep": "false"} if path != "/ingest" else {}
    try:
        answer = client.post(path, content=data, params=query, headers={"Content-Type": "audio/mpeg"})
    except httpx.HTTPError as error:
        return kind, type(error).__name__, time.monotonic() - started
    seconds = time.monotonic() - started
    if SECRET in answer.text:
        return kind, "a secret told", seconds
    is_broken_off = answer.status_code == 200 and '"error"' in answer.text
    return kind, f"{answer.status_code}{' and an error' if is_broken_off else ''}", seconds


@contextmanager
def decoy() -> Iterator[tuple[str, list[str]]]:
    """A server whose URL nobody may ask for because a file says so; what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()


if __name__ == "__main__":
    main()
