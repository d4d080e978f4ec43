"""Harmful files by the thousand in folders: `python -m tests.benchmarks.hostile_folder --help`."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import psutil

from songradar.cli.bundled import bundled_songs, write_noisy
from songradar.cli.output import warn
from tests import hostile
from tests.benchmarks.hostile import Outcome, print_outcomes
from tests.benchmarks.serving import private_mb

SUFFIXES = (".wav", *(f".{suffix}" for suffix in hostile.CODECS))
SPARSE_BYTES = 1 << 28
SLOWEST_S = 1200
"""Seconds in which a command has to end."""

STRANGE = "no files at all"
"""What is called a kind of file here, beside those of `hostile.KINDS`: pipes, devices, circles, holes."""


@dataclass(frozen=True)
class Run:
    """A command that has ended: what it printed for each file, its exit code, seconds, and most memory in MB."""

    lines: list[dict[str, object]]
    code: int
    seconds: float
    memory_mb: float


@click.command()
@click.option("--number", default=10_000, show_default=True, help="Files to make.")
@click.option("--seed", default=1, show_default=True, help="Makes them others.")
@click.option("--batch", default=500, show_default=True, help="Files in a folder at a time.")
def main(number: int, seed: int, batch: int) -> None:
    """Give harmful files to `songradar ingest` and `songradar search`; print what became of them, by kind."""
    outcomes: dict[str, Outcome] = {}
    runs: dict[str, list[Run]] = {"ingest": [], "search": []}
    with TemporaryDirectory() as folder:
        home, temporary = Path(folder), Path(folder, "temporary")
        temporary.mkdir()
        environment = {"SONGRADAR_HOME": f"{home}/catalogue", "TMPDIR": str(temporary)}
        with bundled_songs() as songs:
            run(environment, "ingest", "--json", songs)
            write_noisy(next(songs.glob("kevin*")), 10.0, 5.0, 3.0, home / "known.wav")
        made = hostile.files(np.random.default_rng(seed), number, hostile.originals(home), [str(home / "known.wav")])
        numbered = enumerate(made)
        while files := list(islice(numbered, batch)):
            with TemporaryDirectory(dir=folder, prefix="music-") as music:
                kinds = {write(Path(music), n, data): kind for n, (kind, data) in files} | strange(Path(music))
                for command, paths in (("ingest", [music]), ("search", sorted(kinds))):
                    done = run(environment, command, "--json", *paths)
                    runs[command].append(done)
                    add(outcomes, command, done, kinds)
            warn(f"{files[-1][0] + 1} files")
        known = run(environment, "search", "--json", home / "known.wav")
        run(environment, "db", "stop")
        left = [path.name for path in temporary.iterdir()]
    print_outcomes(outcomes)
    for command, all_of_it in runs.items():
        codes = ", ".join(sorted({str(one.code) for one in all_of_it}))
        click.echo(
            f"{command}: {sum(one.seconds for one in all_of_it):.0f} s, exit codes {codes},"
            f" memory at most {max(one.memory_mb for one in all_of_it):.0f} MB"
        )
    click.echo(f"temporary files left: {', '.join(left) or 'none'}")
    click.echo(f"a known song is named in the end: {'yes' if known.code == 0 else 'no'}")


def write(folder: Path, number: int, data: bytes) -> str:
    """A file whose name is of no encoding, in one case of ten, and whose ending is any."""
    name = f"{number}{SUFFIXES[number * 7 % len(SUFFIXES)]}".encode()
    path = os.fsencode(folder) + b"/" + (b"\xff\xfe" if number % 10 == 0 else b"") + name
    Path(os.fsdecode(path)).write_bytes(data)
    return os.fsdecode(path)


def strange(folder: Path) -> dict[str, str]:
    """What has the name of a song and is none, by path."""
    paths = [folder / f"{name}.wav" for name in ("pipe", "device", "circle", "nowhere", "holes", "folder", "long" * 50)]
    pipe, device, circle, nowhere, holes, inner, long = paths
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    circle.symlink_to(circle)
    nowhere.symlink_to(folder / "gone.wav")
    with holes.open("wb") as file:
        file.truncate(SPARSE_BYTES)
    inner.mkdir()
    long.write_bytes(b"")
    return {str(path): STRANGE for path in paths}


def run(environment: dict[str, str], *arguments: object) -> Run:
    """Run songradar; its standard error goes nowhere. An end by a signal has a negative code."""
    command = [sys.executable, "-m", "songradar", *map(str, arguments)]
    started = time.monotonic()
    with subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        highest = watched(psutil.Process(process.pid))
        try:
            said, _ = process.communicate(timeout=SLOWEST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            said = b""
    lines = [json.loads(line) for line in said.splitlines() if line.startswith(b"{")]
    return Run(lines, process.returncode, time.monotonic() - started, highest())


def watched(process: psutil.Process) -> Callable[[], float]:
    """How much memory a process and those that it starts have had at most until now, in MB."""
    most = 0.0

    def watch() -> None:
        nonlocal most
        with suppress(psutil.Error):
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                with suppress(psutil.NoSuchProcess):
                    most = max(most, private_mb(process))
                time.sleep(0.2)

    threading.Thread(target=watch, daemon=True).start()
    return lambda: most


def add(outcomes: dict[str, Outcome], command: str, done: Run, kinds: dict[str, str]) -> None:
    """Count what a command said of each file, and of which it said nothing."""
    said = Counter(dict.fromkeys(kinds.values(), 0))
    for source, answer in answers(command, done.lines):
        kind = kinds.get(source) or kinds.get(str(Path(source).resolve())) or STRANGE
        said[kind] += 1
        outcomes.setdefault(kind, Outcome()).answers[f"{command}: {answer}"] += 1
    for kind, n in Counter(kinds.values()).items():
        if said[kind] < n and (command, kind) != ("ingest", STRANGE):  # a folder's circles and pipes are passed over
            outcomes.setdefault(kind, Outcome()).answers[f"{command}: nothing said"] += n - said[kind]


def answers(command: str, lines: Sequence[dict[str, object]]) -> Iterator[tuple[str, str]]:
    """The file that each line is about, as its bytes were, and what it says of it."""
    for line in lines:
        if command == "ingest" and "outcome" in line:
            yield unescaped(str(line["source"])), str(line["outcome"])
        elif command == "search" and "query" in line:
            answer = "error" if "error" in line else "named" if line["matched"] else "no match"
            yield unescaped(str(line["query"])), answer


def unescaped(shown: str) -> str:
    """A path whose bytes of no encoding are shown as \\xff."""
    return shown.replace("\\xff\\xfe", os.fsdecode(b"\xff\xfe"))


if __name__ == "__main__":
    main()
