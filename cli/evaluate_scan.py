"""songradar evaluate scan: how well long recordings are named."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from songradar.cli.material import (
    ABSENT,
    DISTRACTORS,
    MUSIC,
    NOISE,
    ONLY,
    RESPONSES,
    SEED,
    choose_encoder,
    names_in,
)
from songradar.cli.options import PATH, WORKERS
from songradar.cli.output import print_table
from songradar.cli.watching import Watching
from songradar.evaluate_scan import WAYS, Result, ScanEvaluation, ScanEvaluationOptions, evaluate_scan
from songradar.ml.grading import Grade
from songradar.ml.mixes import RECIPES, Kind
from songradar.ml.package import SHIPPED
from songradar.wording import clock, percent


@click.command()
@MUSIC
@DISTRACTORS
@NOISE
@RESPONSES
@click.option(
    "--encoder",
    metavar="NAME|DIR",
    default=SHIPPED,
    help="Encoder of your catalogue, one in the package, or a folder of one [the shipped one].",
)
@click.option("--mixes", type=click.IntRange(1), default=1, show_default=True, help="Mixes of each kind.")
@click.option("--minutes", type=click.FloatRange(0.5), default=24, show_default=True, help="Length of a mix.")
@click.option("--scan-only", is_flag=True, help="Do not compare with the simple way, which takes longer.")
@ABSENT
@ONLY
@SEED
@click.option("--out", metavar="DIR", type=PATH, help="Write scan.json there.")
@WORKERS
def scan(
    music: tuple[Path, ...],
    distractors: tuple[Path, ...],
    noise: tuple[Path, ...],
    ir: tuple[Path, ...],
    encoder: str,
    mixes: int,
    minutes: float,
    scan_only: bool,
    absent: float,
    only: Path | None,
    seed: int,
    out: Path | None,
    workers: int | None,
) -> None:
    """Make long recordings out of songs, name what plays in them, and compare that with what was played.

    In each mix of "radio", songs fade into each other, a third of them are 4 % faster or slower, and jingles of 5 s,
    talk, and songs that the catalogue does not hold come in between, over noise 15 dB below the music. In "bar", noise
    is 5 dB below it, people talk over half of it, and a telephone's codec has been through it all.

    \b
    songradar evaluate scan --music ~/Music --noise ~/noise
    songradar evaluate scan --music ~/Music --noise ~/noise --mixes 25 --scan-only --out runs/scan

    Noises with "speech" in their file's name are of people talking.
    """
    if not music:
        raise click.UsageError("Missing option '--music'.")
    recipes = [replace(recipe, minutes=minutes) for recipe in RECIPES]
    ways = list(WAYS)[:1] if scan_only else list(WAYS)
    options = ScanEvaluationOptions(
        music, distractors, noise, ir, names_in(only), mixes, ways, absent, recipes, workers, seed
    )
    with Watching() as watching:
        evaluation = evaluate_scan(choose_encoder(encoder), options, watching)
    print_evaluation(evaluation)
    if out is not None:
        write_report(evaluation, out)


def print_evaluation(evaluation: ScanEvaluation) -> None:
    """One table, with a column for each kind of mix and each way to name it."""
    beside = f" beside {evaluation.n_distractors} others" if evaluation.n_distractors else ""
    absent, jingles = evaluation.n_absent, evaluation.n_jingles
    click.echo(f"{evaluation.n_songs} songs and {jingles} jingles in the catalogue{beside}, {absent} songs absent")
    columns = {
        f"{recipe}: {way}": result for recipe, ways in evaluation.results.items() for way, result in ways.items()
    }
    print_table(("", *columns), [(label, *map(cell, columns.values())) for label, cell in ROWS])


def tenths(share: float) -> str:
    """A share in percent, to the tenth, as a mistake in a thousand matters.

    >>> tenths(0.0071)
    '0.7 %'
    """
    return f"{100 * share:.1f} %"


def quantiles(errors: Sequence[float]) -> str:
    """Median, 90th and 95th percentile."""
    if not errors:
        return "-"
    return ", ".join(f"{value:.1f}" for value in np.quantile(errors, [0.5, 0.9, 0.95])) + " s"


def of(n: int, total: int) -> str:
    return f"{n} of {total} ({percent(n / total)})" if total else "-"


def within(errors: Sequence[float], seconds: float) -> str:
    return percent(sum(error <= seconds for error in errors) / len(errors)) if errors else "-"


ROWS: tuple[tuple[str, Callable[[Result], str]], ...] = (
    ("recorded", lambda r: clock(r.grade.duration_s)),
    ("time with songs: named rightly", lambda r: tenths(r.grade.right)),
    ("  wrong song, or another place in it", lambda r: tenths(r.grade.wrong)),
    ("  of this, the right song elsewhere", lambda r: tenths(r.grade.elsewhere)),
    ("  not named", lambda r: tenths(r.grade.missed)),
    ("time without: named all the same", lambda r: tenths(r.grade.false)),
    ("songs found", lambda r: of(*r.grade.found_of(Kind.SONG))),
    ("jingles found", lambda r: of(*r.grade.found_of(Kind.JINGLE))),
    ("told as one playing, of those found", lambda r: of(*r.grade.whole)),
    ("error of starts: median, 90 %, 95 %", lambda r: quantiles(r.grade.start_errors_s)),
    ("  within 0.5 s", lambda r: within(r.grade.start_errors_s, 0.5)),
    ("error of ends: median, 90 %, 95 %", lambda r: quantiles(r.grade.end_errors_s)),
    ("false playings", lambda r: f"{r.grade.n_false}, {r.grade.false_per_hour:.1f} in an hour"),
    ("calibration error of confidences", lambda r: f"{r.grade.calibration_error:.3f}"),
    ("times faster than it plays", lambda r: f"{r.speed:.0f}"),
)
"""What the table tells of each way."""


def write_report(evaluation: ScanEvaluation, out: Path) -> None:
    """scan.json with all seconds and playings."""
    out.mkdir(parents=True, exist_ok=True)
    results = {
        recipe: {way: as_record(result) for way, result in ways.items()} for recipe, ways in evaluation.results.items()
    }
    facts = {
        "seed": evaluation.seed,
        "songs": evaluation.n_songs,
        "distractors": evaluation.n_distractors,
        "absent_songs": evaluation.n_absent,
        "jingles": evaluation.n_jingles,
        "results": results,
    }
    (out / "scan.json").write_text(json.dumps(facts, indent=2) + "\n")


def as_record(result: Result) -> dict[str, Any]:
    grade: Grade = result.grade
    shares = {name: round(getattr(grade, name), 5) for name in ("right", "wrong", "missed", "false")}
    more = {"false_per_hour": grade.false_per_hour, "calibration_error": grade.calibration_error, "speed": result.speed}
    return shares | more | {"confusion_s": grade.confusion_s} | asdict(grade)
