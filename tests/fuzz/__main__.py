"""Fuzz our parsers, guided by what each input reaches: `python -m tests.fuzz --seconds 60`, with `pip install atheris`.

Each target runs in a process of its own, from the seeds in seeds.py. An input that a parser does not take, nor refuse
as it is documented to, is left in the folder --out.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from songradar.cli.output import print_table
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

MEMORY_MB = 2048
SLOWEST_S = 30
"""By the clock on the wall, of a machine that may be busy."""

LONGEST = 20_000


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(TARGETS)))
@click.option("--seconds", default=60, show_default=True, help="For each target.")
@click.option("--seed", default=1, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("fuzzed"), show_default=True)
def main(names: tuple[str, ...], seconds: int, seed: int, out: Path) -> None:
    """Fuzz the parsers NAMES [all], and print a table; exit with 1 where one of them failed."""
    out.mkdir(parents=True, exist_ok=True)
    rows = [row(name, *fuzzed(name, seconds, seed, out)) for name in names or TARGETS]
    print_table(("parser", "inputs", "branches reached", "failures"), rows)
    sys.exit(any(failures for *_, failures in rows))


def fuzzed(name: str, seconds: int, seed: int, out: Path) -> tuple[int, str]:
    """The exit code of a target's process, and what it said."""
    with tempfile.TemporaryDirectory(prefix="songradar-fuzz-") as folder:
        for number, data in enumerate(SEEDS[name]):
            (Path(folder) / f"seed{number}").write_bytes(data)
        limits = [
            f"-max_total_time={seconds}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-timeout={SLOWEST_S}",
            f"-max_len={LONGEST}",
        ]
        command = [sys.executable, "-m", "tests.fuzz.one", name, folder, *limits, f"-seed={seed}"]
        done = subprocess.run(
            [*command, f"-artifact_prefix={out}/{name}-"], capture_output=True, text=True, check=False
        )
    return done.returncode, done.stdout + done.stderr


def row(name: str, code: int, said: str) -> tuple[str, int, int, int]:
    """What libFuzzer tells of a target: inputs tried, branches reached, and whether one was an end."""
    if code:
        print(said[-3000:], file=sys.stderr)
    tried, reached = (re.findall(pattern, said, re.MULTILINE) for pattern in (r"^#(\d+)\s", r"cov: (\d+)"))
    return name, int((tried or [0])[-1]), int((reached or [0])[-1]), int(code != 0)


if __name__ == "__main__":
    main()
