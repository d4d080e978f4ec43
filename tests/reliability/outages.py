"""The server goes away, or takes nothing more, during every command: `python -m tests.reliability.outages --help`."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import click
import numpy as np

from songradar.cli.output import note, print_table, warn
from songradar.db import embedded
from tests.reliability import audit, disks
from tests.reliability.house import House, house
from tests.reliability.jobs import Job, jobs, prepare
from tests.reliability.kills import Clean, second_run, unlike, without_faults
from tests.reliability.victims import connected

FEW_CONNECTIONS = 8
"""What the server admits at most while connections run out."""

READING = ("scan", "export", "db backup")
"""Jobs that a server which writes nothing need not refuse."""


def restart(built: House, how: str) -> None:
    """Restart the server in PostgreSQL's way: `fast`, or `immediate`, after which it replays its log."""
    built.control("restart", "-m", how, "-l", str(built.home / "postgres" / "log"))


@contextmanager
def no_connections(built: House) -> Iterator[None]:
    """All connections are taken."""
    with built.outside() as admin:
        admin.execute(f"ALTER SYSTEM SET max_connections = {FEW_CONNECTIONS}")
    restart(built, "fast")
    taken = [built.outside() for _ in range(FEW_CONNECTIONS)]
    try:
        yield
    finally:
        taken[0].execute("ALTER SYSTEM RESET max_connections")
        for connection in taken:
            connection.close()
        restart(built, "fast")


@contextmanager
def read_only(built: House) -> Iterator[None]:
    """The database is only to be read, as one that is about to be moved."""
    change = f"ALTER DATABASE {embedded.DATABASE} SET default_transaction_read_only = {{}}"
    with built.outside() as admin:
        admin.execute(change.format("on"))
    try:
        yield
    finally:
        with built.outside() as admin:
            admin.execute(change.format("off"))


MOMENTARY: dict[str, Callable[[House], None]] = {
    "restart -m fast": lambda built: restart(built, "fast"),
    "restart -m immediate": lambda built: restart(built, "immediate"),
}
LASTING = {"no connection left": no_connections, "disk full": disks.full, "read-only": read_only}


@dataclass(frozen=True)
class Outcome:
    """What a command did in an outage, and after it."""

    code: int | None
    said: str
    whole: bool
    done: bool
    faults: list[str]


@click.command()
@click.option("--seed", default=1, show_default=True, help="Draws songs and moments.")
@click.option("--during", multiple=True, help="Only during these jobs.")
@click.option("--outage", "which", multiple=True, help="Only these outages.")
def main(seed: int, during: tuple[str, ...], which: tuple[str, ...]) -> None:
    """Let the server go away in several ways during every job; print a line for each."""
    rng = np.random.default_rng(seed)
    rows, n_faults = [], 0
    with house() as built:
        chosen = [job for job in jobs(built) if job.name in during or not during]
        asked = prepare(built, seed, {job.state for job in chosen})
        built.at_url = True
        for job in chosen:
            clean = without_faults(built, job, asked)
            for name in [*MOMENTARY, *LASTING]:
                if which and name not in which:
                    continue
                if (reason := why_not(name)) is not None:
                    warn(f"{name}: left out, as {reason}")
                    continue
                note(f"{job.name}; {name}")
                found = during_outage(built, job, name, clean, rng)
                left = unlike(built, clean, asked) + audit.left_over(built)
                found = replace(found, done=not left, faults=found.faults + left)
                rows.append((job.name, name, found.code, found.said, yes(found.whole), yes(found.done)))
                n_faults += len(found.faults)
                for fault in found.faults:
                    warn(f"{job.name}; {name}: {fault}")
    print_table(("during", "outage", "exit code", "it said", "whole", "done by the second run"), rows)
    raise SystemExit(1 if n_faults else 0)


def why_not(outage: str) -> str | None:
    return disks.why_not() if outage == "disk full" else None


def during_outage(built: House, job: Job, outage: str, clean: Clean, rng: np.random.Generator) -> Outcome:
    """The command in an outage, then again without."""
    built.restore(job.state)
    if outage in LASTING:
        with LASTING[outage](built):
            run = built.run(job.arguments).wait()
    else:
        run, _ = connected(built, job.arguments)
        run.join(rng.uniform(0, clean.seconds))
        MOMENTARY[outage](built)
        run.wait()
    torn = audit.torn(audit.contents(built), clean.before, clean.after)
    faults = list(torn)
    lines = run.stderr.splitlines()
    if "Traceback" in run.stderr or run.code not in (0, 1, 2):
        faults.append(f"exit code {run.code}: {run.stderr[-2000:]}")
    again = second_run(built, job)
    if again.code != 0 and not (job.refused and job.refused in again.stderr):
        faults.append(f"second run: exit code {again.code}: {again.stderr.strip()[-500:]}")
    return Outcome(run.code, without_paths(lines[-1]) if run.code and lines else "", not torn, False, faults)


def without_paths(said: str) -> str:
    """The paths in it are those of a temporary folder."""
    return re.sub(r'"[^"]*/[^"]*"', '"..."', said)


def yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


if __name__ == "__main__":
    main()
