"""How a scan does with recordings of many hours: `python -m tests.benchmarks.long_scan --help`."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import psutil

from songradar.catalogue import Catalogue
from songradar.cli.material import DISTRACTORS, ONLY, SEED, names_in
from songradar.cli.output import print_table
from songradar.cli.watching import Watching
from songradar.db.statistics import statistics
from songradar.evaluate_scan import ScanEvaluationOptions, Studio, alike, studio
from songradar.ml.augmentation import encode
from songradar.ml.grading import NEAR_S, Grade, grade, place_s
from songradar.ml.mixes import RADIO, Mix, Truth
from songradar.ml.package import read_shipped
from songradar.ml.queries import RATE_HZ
from songradar.timeline import Playing
from songradar.wording import clock, percent
from tests import reach
from tests.benchmarks import server
from tests.benchmarks.setting import MUSIC, NOISE
from tests.db.servers import postmaster

BIT_RATE = 24_000
"""Of the recordings, which are Opus."""

GLANCE_S = 0.5
"""How often it is looked what a scan takes."""


class Family:
    """A process and those that it starts: the time of processors they take, and the most memory they do not share."""

    def __init__(self, pid: int) -> None:
        self._process, self._cpu_s, self.mb = psutil.Process(pid), dict[int, float](), 0.0
        self._before_s = 0.0
        self.look()
        self._before_s = sum(self._cpu_s.values())

    @property
    def cpu_s(self) -> float:
        """Seconds since the beginning."""
        return sum(self._cpu_s.values()) - self._before_s

    def look(self) -> None:
        """To be called often: what a process took since is not seen if it ends."""
        private = 0
        with suppress(psutil.NoSuchProcess):
            for process in [self._process, *self._process.children(recursive=True)]:
                times, memory = process.cpu_times(), process.memory_info()
                self._cpu_s[process.pid] = times.user + times.system
                private += memory.rss - memory.shared
        self.mb = max(self.mb, private / 1e6)


@dataclass(frozen=True)
class Took:
    """What a scan took: seconds on the clock, and what its own processes and PostgreSQL's did."""

    seconds: float
    scan: Family
    database: Family


@click.command()
@MUSIC
@DISTRACTORS
@NOISE
@ONLY
@click.option("--hours", multiple=True, default=(1.0, 24.0), show_default=True, help="Length of a recording.")
@click.option("--truth", is_flag=True, help="Print what was played beside what was found.")
@SEED
def main(
    music: tuple[Path, ...],
    distractors: tuple[Path, ...],
    noise: tuple[Path, ...],
    only: Path | None,
    hours: tuple[float, ...],
    truth: bool,
    seed: int,
) -> None:
    """Make recordings as of a radio station, each of so many hours, and scan them, each in a process of its own."""
    options = ScanEvaluationOptions(music, distractors, noise, only=names_in(only), recipes=[RADIO], seed=seed)
    with (
        Watching() as watching,
        studio(read_shipped(), options, watching) as made,
        reach.pointed_at(made.catalogue.server),
        tempfile.TemporaryDirectory(prefix="songradar-recordings-") as folder,
    ):
        with made.catalogue.connection() as connection:
            n_fragments = statistics(connection).fragments
        columns = []
        for number, long in enumerate(hours):
            mix = made.mix(replace(RADIO, minutes=60 * long), [seed, number])
            path = recorded(made, mix, Path(folder) / "recording.opus")
            took, playings = scanned(made.catalogue, path)
            result = grade(mix.truths, playings, mix.duration_s, alike)
            columns.append(column(n_fragments, mix, path, took, result))
            if truth:
                print_table(("played", "song", "found", "confidence"), list(beside(mix.truths, playings)))
                click.echo()
    print_table(("", *map(clock, (3600 * long for long in hours))), list(zip(ROWS, *columns, strict=True)))


def recorded(made: Studio, mix: Mix, path: Path) -> Path:
    """The mix as a file."""
    with path.open("wb") as file:
        encode(made.sound(mix), RATE_HZ, file, "opus", BIT_RATE)
    return path


def scanned(catalogue: Catalogue, recording: Path) -> tuple[Took, list[Playing]]:
    """Scan as users do, and look what it takes."""
    report = recording.with_suffix(".json")
    command = [sys.executable, "-m", "songradar", "scan", "--no-save", "--json", "-o", str(report), str(recording)]
    database, started = Family(postmaster(server.home())), time.perf_counter()
    with subprocess.Popen(command, env=os.environ | {"DATABASE_URL": catalogue.server.url}) as process:
        scan = Family(process.pid)
        while process.poll() is None:
            scan.look()
            database.look()
            time.sleep(GLANCE_S)
    seconds = time.perf_counter() - started
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    playings = [Playing(**{name: line[name] for name in line if name != "recording"}) for line in lines]
    return Took(seconds, scan, database), playings


def column(n_fragments: int, mix: Mix, path: Path, took: Took, result: Grade) -> list[str]:
    """What ROWS name."""
    hours = mix.duration_s / 3600
    return [
        f"{n_fragments:,}",
        f"{path.stat().st_size / 1e6:.0f} MB",
        str(len(mix.truths)),
        f"{clock(took.seconds)}, {mix.duration_s / took.seconds:.0f} times",
        f"{took.scan.cpu_s / hours:.1f} s, {took.database.cpu_s / hours:.1f} s",
        f"{took.scan.mb:.0f} MB, {took.database.mb:.0f} MB",
        f"{100 * result.right:.1f} %",
        f"{100 * result.wrong:.1f} %",
        f"{100 * result.false:.1f} %",
        str(result.n_false),
    ]


ROWS = (
    "fragments in the catalogue",
    "Opus file",
    "songs and jingles",
    "time taken, faster than it plays",
    "processors' time for an hour: scan, PostgreSQL",
    "most memory: scan, PostgreSQL",
    "time with songs: named rightly",
    "  wrong song, or another place in it",
    "time without: named all the same",
    "false playings",
)


def beside(truths: Sequence[Truth], playings: Sequence[Playing]) -> Iterator[tuple[str, ...]]:
    """What was played, each with the playings found of it; then what was found and not played."""
    named = [playing for playing in playings if playing.source]
    found = {truth: [playing for playing in named if is_of(playing, truth)] for truth in truths}
    for truth in truths:
        name = truth.path.stem if truth.source else f"({truth.path.stem})"
        told = [span(playing.start_s, playing.end_s) for playing in found[truth]]
        sure = [percent(playing.confidence or 0.0) for playing in found[truth]]
        yield span(truth.start_s, truth.end_s), name, " and ".join(told) or "-", ", ".join(sure)
    for playing in named:
        if not any(playing in several for several in found.values()):
            yield "-", playing.title or "", span(playing.start_s, playing.end_s), percent(playing.confidence or 0.0)


def is_of(playing: Playing, truth: Truth) -> bool:
    """Whether it names what is played then, at the right place."""
    middle_s = (max(playing.start_s, truth.first_s) + min(playing.end_s, truth.last_s)) / 2
    true_s = truth.song_start_s + (middle_s - truth.start_s) * truth.speed
    overlaps = playing.start_s < truth.last_s and truth.first_s < playing.end_s
    return (
        overlaps
        and playing.source == truth.source
        and abs(place_s(playing, np.array([middle_s]))[0] - true_s) <= NEAR_S
    )


def span(start_s: float, end_s: float) -> str:
    return f"{clock(start_s)} - {clock(end_s)}"


if __name__ == "__main__":
    main()
