"""Kill songradar or its server at random moments, and see that nothing is lost: `python -m tests.reliability.kills`."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import click
import numpy as np

from songradar.cli.output import note, print_table, warn
from tests.reliability import audit
from tests.reliability.audit import Answers, Asked, Contents
from tests.reliability.house import House, house
from tests.reliability.jobs import Job, jobs, prepare
from tests.reliability.running import Run
from tests.reliability.victims import DECODER, VICTIMS, backend_appears

BUSY = "is being built already"
"""What is said while a process of the server goes on for a command that was killed."""

SAME_PLACE_S = 1.0
"""How far the playings of a scan that was broken off may lie from those of one that was not."""

ATTEMPTS = 5
"""How often a moment is drawn anew where the command was over before it."""


@dataclass(frozen=True)
class Clean:
    """A job without faults: what it makes of what, and how long it takes from when it is connected to the database."""

    before: Contents
    after: Contents
    plays: list[tuple[str | None, float, float]]
    answers: Answers
    seconds: float


@dataclass
class Cell:
    """What came of killing somebody during a job, again and again."""

    moments: list[float] = field(default_factory=list)
    went_on: int = 0
    whole: int = 0
    done: int = 0
    faults: list[str] = field(default_factory=list)


Cells = dict[tuple[str, str], Cell]


@click.command()
@click.option("--seed", default=1, show_default=True, help="Draws songs, victims and moments.")
@click.option("--kills", "n_kills", default=200, show_default=True, help="How many.")
@click.option("--minutes", default=60.0, show_default=True, help="Stop after so many, even if that is fewer kills.")
@click.option("--during", multiple=True, help="Only during these jobs.")
def main(seed: int, n_kills: int, minutes: float, during: tuple[str, ...]) -> None:
    """Kill at random moments of every job; print a line for each kind of kill during each of them."""
    started = time.monotonic()
    cells = kill(seed, n_kills, during, started + 60 * minutes)
    print_cells(cells)
    print(f"{sum(len(cell.moments) for cell in cells.values())} kills in {time.monotonic() - started:.0f} s")
    raise SystemExit(1 if any(cell.faults for cell in cells.values()) else 0)


def kill(seed: int, n_kills: int, during: Sequence[str], until: float) -> Cells:
    """So many kills, evenly among victims and jobs [all], if there is time by the monotonic clock."""
    rng = np.random.default_rng(seed)
    cells: Cells = defaultdict(Cell)
    with house() as built:
        chosen = [job for job in jobs(built) if job.name in during or not during]
        asked = prepare(built, seed, {job.state for job in chosen})
        clean = {job.name: without_faults(built, job, asked) for job in chosen}
        for number, (job, victim) in enumerate(islice(pairs(chosen, rng), n_kills), start=1):
            if time.monotonic() > until:
                break
            note(f"{number} of {n_kills}: {job.name}; {victim}")
            cell = cells[job.name, victim]
            found = one_kill(built, job, victim, clean[job.name], asked, cell, rng)
            cell.faults += found
            for fault in found:
                warn(f"{job.name}; {victim} killed at {cell.moments[-1]:.3f} s: {fault}")
    return cells


def pairs(chosen: Sequence[Job], rng: np.random.Generator) -> Iterator[tuple[Job, str]]:
    """Every job with every victim that it has, in another order each time."""
    every = [(job, victim) for job in chosen for victim in VICTIMS if job.decodes or victim != DECODER]
    while True:
        yield from (every[number] for number in rng.permutation(len(every)))


def without_faults(built: House, job: Job, asked: Asked) -> Clean:
    built.restore(job.state)
    before = audit.contents(built)
    run = built.run(job.arguments)
    appeared = backend_appears(built, run)
    began = time.monotonic()
    run.wait()
    seconds = time.monotonic() - began
    assert appeared
    assert run.code == 0, (job.name, run.code, run.stderr)
    return Clean(before, audit.contents(built), audit.plays(built), audit.answers(built, asked), seconds)


def one_kill(
    built: House, job: Job, victim: str, clean: Clean, asked: Asked, cell: Cell, rng: np.random.Generator
) -> list[str]:
    """Kill once, look, run the command again, look again; what was wrong."""
    run = killed(built, job, victim, clean.seconds, cell, rng)
    faults = [f"traceback: {run.stderr[-2000:]}"] if "Traceback" in run.stderr else []
    went_on = run.code == 0
    cell.went_on += went_on
    torn = audit.torn(audit.contents(built), clean.before, clean.after)
    cell.whole += not torn
    again = second_run(built, job)
    if again.code != 0 and not (job.refused and job.refused in again.stderr):
        faults.append(f"second run: exit code {again.code}: {again.stderr.strip()[-500:]}")
    left = unlike(built, clean, asked) + audit.left_over(built) + run.leftovers() + again.leftovers()
    cell.done += not left
    return faults + torn + left


def killed(built: House, job: Job, victim: str, seconds: float, cell: Cell, rng: np.random.Generator) -> Run:
    """The command, which has ended, after somebody was killed at a moment while it ran."""
    for _ in range(ATTEMPTS):
        built.restore(job.state)
        run = built.run(job.arguments)
        moment = rng.uniform(0, seconds)
        if backend_appears(built, run):
            time.sleep(moment)
            if VICTIMS[victim](built, run, rng):
                cell.moments.append(moment)
                return run.wait()
        run.wait()
    raise RuntimeError(f"{job.name} is always over before {victim} is killed")


def second_run(built: House, job: Job) -> Run:
    """The same command again; once more where the server has not yet noticed that nobody waits for the first."""
    again = built.run(job.arguments).wait()
    if BUSY not in again.stderr:
        return again
    built.alone()
    return built.run(job.arguments).wait()


def unlike(built: House, clean: Clean, asked: Asked) -> list[str]:
    """In what the catalogue differs from one that was built without faults."""
    faults = [f"{name}: not done" for name in audit.torn(audit.contents(built), clean.after, clean.after)]
    found = audit.plays(built)
    same = [title for title, *_ in found] == [title for title, *_ in clean.plays] and all(
        np.allclose(one[1:], other[1:], atol=SAME_PLACE_S) for one, other in zip(found, clean.plays, strict=True)
    )
    if not same:
        faults.append(f"playings: {found} instead of {clean.plays}")
    given = audit.answers(built, asked)
    n_other = sum(one != other for one, other in zip(given, clean.answers, strict=False))
    if n_other or len(given) != len(clean.answers):
        faults.append(f"{n_other} other answers")
    return faults


def print_cells(cells: Cells) -> None:
    rows = [
        (
            during,
            victim,
            len(cell.moments),
            f"{min(cell.moments):.2f} to {max(cell.moments):.2f}",
            cell.went_on,
            cell.whole,
            cell.done,
            len(cell.faults),
        )
        for (during, victim), cell in sorted(cells.items())
    ]
    header = ("during", "killed", "kills", "at, s", "went on", "whole", "done by the second run", "faults")
    print_table(header, rows)


if __name__ == "__main__":
    main()
