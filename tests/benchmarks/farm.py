"""What a farm costs beside plain ingestion: `python -m tests.benchmarks.farm --help`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click
import psutil

from songradar.catalogue import Catalogue, add_package
from songradar.cli.output import print_table
from songradar.evaluate import audio_in
from songradar.farm import giving
from songradar.ml.package import read_shipped
from tests.benchmarks.setting import MUSIC
from tests.db.servers import postmaster

IDLE = "1 worker, nothing to do"
CLEAR = "TRUNCATE songradar.songs, songradar.farm_files CASCADE"


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and of processors: songradar's processes with those that decode, and PostgreSQL's."""

    wall_s: float
    cpu_s: float
    server_s: float

    @property
    def all_s(self) -> float:
        return self.cpu_s + self.server_s


Run = Callable[[Catalogue, Sequence[Path]], None]


@click.command()
@MUSIC
@click.option("--songs", "n_songs", default=48, show_default=True, help="How many songs are ingested each time.")
@click.option("--rounds", default=3, show_default=True, help="How often everything is done, in turn; medians count.")
@click.option("--batch", "sizes", multiple=True, type=int, help="Only one worker, with jobs of so many files each.")
def main(music: tuple[Path, ...], n_songs: int, rounds: int, sizes: tuple[int, ...]) -> None:
    """Ingest the same songs without a farm and with one, and print what each way takes."""
    files = [file.path for file in audio_in(music, None)][:n_songs]
    ways = by_size(sizes) if sizes else by_workers()
    spent: dict[str, list[Spent]] = {name: [] for name, _, _ in ways}
    with Catalogue.temporary() as catalogue:
        add_package(catalogue, read_shipped())
        for _ in range(rounds):
            for name, _, run in ways:
                with catalogue.connection() as connection:
                    connection.execute(CLEAR)
                spent[name].append(measured(catalogue, files, run))
    print_table(
        ("", "s", "CPU s", "of these PostgreSQL", "CPU beside plain"),
        [(name, *told(spent[name], spent[plain])) for name, plain, _ in ways],
    )


def by_workers() -> list[tuple[str, str, Run]]:
    """Names, what each is compared with, and how it is done."""
    one, two = "ingest --workers 1", "ingest --workers 2"
    return [
        (one, one, ingested(1)),
        ("1 worker, --concurrency 1", one, farmed(1, 1)),
        (two, two, ingested(2)),
        ("1 worker, --concurrency 2", two, farmed(1, 2)),
        ("2 workers, --concurrency 1", two, farmed(2, 1)),
        ("4 workers, --concurrency 1", two, farmed(4, 1)),
        (IDLE, IDLE, idle),
    ]


def by_size(sizes: Sequence[int]) -> list[tuple[str, str, Run]]:
    plain = "ingest --workers 1"
    return [(plain, plain, ingested(1)), *((f"jobs of {n}", plain, farmed(1, 1, n)) for n in sizes)]


def idle(catalogue: Catalogue, _files: Sequence[Path]) -> None:
    """What starting takes."""
    songradar(catalogue, ["farm", "work", "--drain"])


def ingested(workers: int) -> Run:
    return lambda catalogue, files: songradar(catalogue, ["ingest", "--workers", str(workers), *map(str, files)])


def farmed(workers: int, concurrency: int, batch: int = giving.BATCH) -> Run:
    """So many workers, after the songs were given to the farm in jobs of `batch`."""

    def run(catalogue: Catalogue, files: Sequence[Path]) -> None:
        with jobs_of(batch):
            assert all(one.state == "enqueued" for one in giving.enqueue(catalogue, files))
        songradar(catalogue, ["farm", "work", "--drain", "--concurrency", str(concurrency)], workers)

    return run


@contextmanager
def jobs_of(batch: int) -> Iterator[None]:
    before, giving.BATCH = giving.BATCH, batch
    try:
        yield
    finally:
        giving.BATCH = before


def songradar(catalogue: Catalogue, arguments: Sequence[str], processes: int = 1) -> None:
    """The command, so many times at once."""
    told = os.environ | {"DATABASE_URL": catalogue.server.url}
    command = [sys.executable, "-m", "songradar", *arguments]
    running = [subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL) for _ in range(processes)]
    assert [process.wait() for process in running] == [0] * processes


def measured(catalogue: Catalogue, files: Sequence[Path], run: Run) -> Spent:
    began_s, own_s, server_s = time.monotonic(), own_cpu_s(), server_cpu_s(catalogue)
    run(catalogue, files)
    return Spent(time.monotonic() - began_s, own_cpu_s() - own_s, server_cpu_s(catalogue) - server_s)


def own_cpu_s() -> float:
    """Of this process and of those that it has started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def server_cpu_s(catalogue: Catalogue) -> float:
    """Of the server's processes, also of those that have ended."""
    assert catalogue.server.folder is not None
    first = psutil.Process(postmaster(catalogue.server.folder))
    times = first.cpu_times()
    living = sum(sum(child.cpu_times()[:2]) for child in first.children())
    return float(times.user + times.system + times.children_user + times.children_system + living)


def told(spent: Sequence[Spent], plain: Sequence[Spent]) -> tuple[str, ...]:
    """Medians, and the CPU time beside that of plain ingestion in the same round."""
    beside = median(one.all_s / other.all_s - 1 for one, other in zip(spent, plain, strict=True))
    return (
        f"{median(one.wall_s for one in spent):.1f}",
        f"{median(one.all_s for one in spent):.1f}",
        f"{median(one.server_s for one in spent):.1f}",
        f"{beside:+.1%}",
    )


if __name__ == "__main__":
    main()
