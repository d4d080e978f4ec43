"""Kill songradar or its server at random moments, and see that nothing is lost: `python -m tests.reliability.kills`."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import click
import numpy as np

from songradar.cli.output import note, print_table, warn
from tests.reliability import audit
from tests.reliability.audit import Answers, Asked, Contents
from tests.reliability.house import House, house
from tests.reliability.jobs import Job, jobs, prepare
from tests.reliability.running import Run
from tests.reliability.victims import DECODER, VICTIMS, connected

BUSY = "is being built already"
"""What is said while a process of the server goes on for a command that was killed."""

SAME_PLACE_S = 1.0
"""How far the playings of a scan that was broken off may lie from those of one that was not."""

ATTEMPTS = 10
"""How often a command is begun anew where it was over before the moment that was drawn."""


@dataclass(frozen=True)
class Clean:
    """A job without faults: what it makes of what, and how long it takes from when it is connected to the database."""

    before: Contents
    after: Contents
    plays: list[tuple[str | None, float, float]]
    answers: Answers
    seconds: float


@dataclass(frozen=True)
class Kill:
    """What came of killing somebody during a job, so many seconds after it was connected to the database."""

    during: str
    killed: str
    at_s: float
    went_on: bool
    whole: bool
    done: bool
    faults: Sequence[str]


@click.command()
@click.option("--seed", default=1, show_default=True, help="Draws songs, victims and moments.")
@click.option("--kills", "n_kills", default=200, show_default=True, help="How many.")
@click.option("--minutes", default=60.0, show_default=True, help="Stop after so many, even if that is fewer kills.")
@click.option("--during", multiple=True, help="Only during these jobs.")
@click.option(
    "--append",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a line of JSON for each kill to this file, and print what all that are in it came to.",
)
def main(seed: int, n_kills: int, minutes: float, during: tuple[str, ...], file: Path | None) -> None:
    """Kill at random moments of every job; print a line for each job, and one for each kind of kill."""
    started = time.monotonic()
    earlier = [Kill(**json.loads(line)) for line in file.open()] if file is not None and file.exists() else []
    kills = []
    for kill in killing(seed, n_kills, during, started + 60 * minutes):
        kills.append(kill)
        if file is not None:
            with file.open("a") as lines:
                print(json.dumps(asdict(kill)), file=lines)
    print_kills([*earlier, *kills])
    print(f"{len(kills)} kills in {time.monotonic() - started:.0f} s" + (f", {len(earlier)} before" * bool(earlier)))
    raise SystemExit(1 if any(kill.faults for kill in kills) else 0)


def killing(seed: int, n_kills: int, during: Sequence[str], until: float) -> Iterator[Kill]:
    """So many kills, evenly among victims and jobs [all], if there is time by the monotonic clock."""
    rng = np.random.default_rng(seed)
    with house() as built:
        chosen = [job for job in jobs(built) if job.name in during or not during]
        asked = prepare(built, seed, {job.state for job in chosen})
        clean = {job.name: without_faults(built, job, asked) for job in chosen}
        for number, (job, victim) in enumerate(islice(pairs(chosen, rng), n_kills), start=1):
            if time.monotonic() > until:
                break
            note(f"{number} of {n_kills}: {job.name}; {victim}")
            kill = one_kill(built, job, victim, clean[job.name], asked, rng)
            for fault in kill.faults:
                warn(f"{job.name}; {victim} killed at {kill.at_s:.3f} s: {fault}")
            yield kill


def pairs(chosen: Sequence[Job], rng: np.random.Generator) -> Iterator[tuple[Job, str]]:
    """Every job with every victim that it has, in another order each time."""
    every = [(job, victim) for job in chosen for victim in VICTIMS if job.decodes or victim != DECODER]
    while True:
        yield from (every[number] for number in rng.permutation(len(every)))


def without_faults(built: House, job: Job, asked: Asked) -> Clean:
    built.restore(job.state)
    before = audit.contents(built)
    run, _ = connected(built, job.arguments)
    began = time.monotonic()
    run.wait()
    seconds = time.monotonic() - began
    assert run.code == 0, (job.name, run.code, run.stderr)
    return Clean(before, audit.contents(built), audit.plays(built), audit.answers(built, asked), seconds)


def one_kill(built: House, job: Job, victim: str, clean: Clean, asked: Asked, rng: np.random.Generator) -> Kill:
    """Kill once, look, run the command again, look again."""
    run, at_s = killed(built, job, victim, clean.seconds, rng)
    faults = [f"traceback: {run.stderr[-2000:]}"] if "Traceback" in run.stderr else []
    torn = audit.torn(audit.contents(built), clean.before, clean.after)
    again = second_run(built, job)
    if again.code != 0 and not (job.refused and job.refused in again.stderr):
        faults.append(f"second run: exit code {again.code}: {again.stderr.strip()[-500:]}")
    left = unlike(built, clean, asked) + audit.left_over(built) + run.leftovers() + again.leftovers()
    return Kill(job.name, victim, at_s, run.code == 0, not torn, not left, faults + torn + left)


def killed(built: House, job: Job, victim: str, seconds: float, rng: np.random.Generator) -> tuple[Run, float]:
    """The command, which has ended, after somebody was killed while it ran; and when that was.

    `seconds` is how long it takes. Where it was faster this time, the moment is drawn anew from what it took.
    """
    for _ in range(ATTEMPTS):
        built.restore(job.state)
        run, is_connected = connected(built, job.arguments)
        began = time.monotonic()
        moment = rng.uniform(0, seconds)
        run.join(moment)
        if is_connected and VICTIMS[victim](built, run, rng):
            return run.wait(), moment
        run.wait()
        seconds = min(seconds, time.monotonic() - began)
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


def print_kills(kills: Sequence[Kill]) -> None:
    """What they came to during each job, then for each kind of victim."""
    for name, of in KINDS.items():
        kinds = {kind: [kill for kill in kills if of(kill) == kind] for kind in sorted(map(of, kills))}
        rows = [summed(kind, among) for kind, among in kinds.items()]
        print_table((name, "kills", "at, s", "went on", "whole", "done by the second run", "faults"), rows)
        print()


def summed(kind: str, kills: Sequence[Kill]) -> tuple[object, ...]:
    moments = [kill.at_s for kill in kills]
    return (
        kind,
        len(kills),
        f"{min(moments):.2f} to {max(moments):.2f}",
        sum(kill.went_on for kill in kills),
        sum(kill.whole for kill in kills),
        sum(kill.done for kill in kills),
        sum(bool(kill.faults) for kill in kills),
    )


KINDS: dict[str, Callable[[Kill], str]] = {"during": lambda kill: kill.during, "killed": lambda kill: kill.killed}


if __name__ == "__main__":
    main()
