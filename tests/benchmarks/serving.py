"""Many at once before a real server: `python -m tests.benchmarks.serving --help`."""

import asyncio
import io
import os
import subprocess
import sys
import wave
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import httpx
import numpy as np
import psutil

from songradar.catalogue import Catalogue
from songradar.cli.output import print_table, warn
from songradar.db.statistics import statistics
from songradar.evaluate import audio_in, known_songs, read_surroundings
from songradar.evaluate import fill as fill_from_files
from songradar.filler import add_filler
from songradar.ml.audio import Wave
from songradar.ml.conditions import CONDITIONS
from songradar.ml.package import read_shipped
from songradar.ml.queries import SourceSong, make_queries, plan
from tests.benchmarks.clients import RATE_HZ, Recording, Told, listen_all, upload_all
from tests.benchmarks.setting import MUSIC, NOISE
from tests.db.servers import free_port

LISTENED_S = 15.0
UPLOADED_S = 5.0
N_RECORDINGS = 40
MOMENTS = 4

Result = TypeVar("Result")
NOISY = [condition for condition in CONDITIONS if condition.name in ("noise 10 dB", "noise 5 dB", "noise 0 dB")]


@click.command()
@MUSIC
@NOISE
@click.option("--fragments", default=100_000, show_default=True, help="Size of the catalogue, about.")
@click.option("--listeners", default=20, show_default=True, help="Listeners at once.")
@click.option("--uploads", default=200.0, show_default=True, help="Uploads a minute.")
@click.option("--minutes", default=1.0, show_default=True, help="How long there are listeners, and then uploads.")
def main(
    music: tuple[Path, ...], noise: tuple[Path, ...], fragments: int, listeners: int, uploads: float, minutes: float
) -> None:
    """Listen to noisy music with many at once, then upload recordings of it; print what it took."""
    with Catalogue.temporary() as catalogue:
        songs, n_stored = filled(catalogue, music, fragments)
        heard, uploaded = (recordings(songs, noise, seconds) for seconds in (LISTENED_S, UPLOADED_S))
        load = os.getloadavg()[0]
        with served(catalogue) as (url, process):
            asyncio.run(upload_all(url, uploaded, 6000, 0.002))  # twelve at once: from now on, all decoders run
            at_first = private_mb(process)
            warn("listening")
            (answers, marks), listening = watched(listen_all(url, heard, listeners, minutes), process, minutes)
            warn("uploading")
            told, uploading = watched(upload_all(url, uploaded, uploads, minutes), process, minutes)
    rows = [
        ("fragments", f"{n_stored:,}"),
        ("processors, and load before", f"{psutil.cpu_count()}, {load:.1f}"),
        (f"{listeners} listeners: answers", f"{len(answers.seconds)}"),
        ("after their sound: s, median, 95 %, longest", times(answers)),
        ("after the third second: s, median, 95 %, longest", times(marks)),
        ("named right in the end", share(marks)),
        ("errors", f"{answers.n_errors + marks.n_errors}"),
        (f"{uploads:g} uploads a minute: answers", f"{len(told.seconds)}"),
        ("s, median, 95 %, longest", times(told)),
        ("named right", share(told)),
        ("errors", f"{told.n_errors}"),
        ("memory at first, MB", f"{at_first:.0f}"),
        ("at each quarter of the listening", ", ".join(f"{mb:.0f}" for mb in listening)),
        ("at each quarter of the uploads", ", ".join(f"{mb:.0f}" for mb in uploading)),
    ]
    print_table(("", f"{minutes:g} + {minutes:g} minutes"), rows)


def filled(catalogue: Catalogue, music: Sequence[Path], n_fragments: int) -> tuple[list[SourceSong], int]:
    """Ingest music and add mixtures of it; (songs that can be asked for, fragments that there are)."""
    encoder = fill_from_files(catalogue, read_shipped(), music)
    songs = known_songs(catalogue, audio_in(music, None))
    lengths = np.array([song.duration_s for song in songs]) / encoder.network.spec.hop_s
    of_mixtures = np.mean(np.minimum.outer(lengths, lengths))
    n_missing = max(0, round((n_fragments - lengths.sum()) / of_mixtures))
    add_filler(catalogue, encoder, [song.source for song in songs], n_missing, seed=1)
    with catalogue.connection() as connection:
        return songs, statistics(connection).fragments


def recordings(songs: Sequence[SourceSong], noise: Sequence[Path], seconds: float) -> list[Recording]:
    """Pieces of songs in noise."""
    around = read_surroundings(noise, [], None)
    cuts = plan(songs, NOISY, [seconds], max(1, N_RECORDINGS // len(NOISY)), [2])
    made = [Recording(query.wave, as_wav(query.wave), query.source) for query in make_queries(cuts, around)]
    return [made[number] for number in np.random.default_rng(3).permutation(len(made))]


def as_wav(samples: Wave) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(np.round(32767 * np.clip(samples, -1, 1)).astype("<i2").tobytes())
    return file.getvalue()


@contextmanager
def served(catalogue: Catalogue, *arguments: str, **environment: str) -> Iterator[tuple[str, psutil.Process]]:
    """`songradar serve` with these arguments in a process of its own; its URL, and the process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "songradar", "serve", "--port", str(port), *arguments]
    process = subprocess.Popen(command, env=os.environ | environment | {"DATABASE_URL": catalogue.server.url})
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=10), timeout=60) as client:
            client.get(f"{url}api/v1/health").raise_for_status()
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def watched(work: Coroutine[Any, Any, Result], process: psutil.Process, minutes: float) -> tuple[Result, list[float]]:
    """Do the work, and look MOMENTS times meanwhile how much memory the server has."""

    async def look() -> list[float]:
        found = []
        for _ in range(MOMENTS):
            await asyncio.sleep(60 * minutes / MOMENTS)
            found.append(private_mb(process))
        return found

    async def both() -> tuple[Result, list[float]]:
        return await asyncio.gather(work, look())

    return asyncio.run(both())


def private_mb(process: psutil.Process) -> float:
    """Memory that a process and those that it starts share with nobody."""
    return sum(part.memory_full_info().uss for part in [process, *process.children(recursive=True)]) / 1e6


def times(told: Told) -> str:
    return ", ".join(f"{s:.2f}" for s in np.percentile(told.seconds, [50, 95, 100])) if told.seconds else "none"


def share(told: Told) -> str:
    return f"{np.mean(told.right):.0%}" if told.right else "none"


if __name__ == "__main__":
    main()
