"""songradar evaluate: how often encoders name recordings rightly, through the real search path."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import click
from click.core import ParameterSource

from songradar.cli.main import LazyGroup
from songradar.cli.material import (
    ABSENT,
    DISTRACTORS,
    ENCODERS,
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
from songradar.evaluate import Evaluation, EvaluationOptions
from songradar.evaluate import evaluate as run_evaluation
from songradar.ml.conditions import CONDITIONS
from songradar.ml.evaluation import Score, Summary, as_record, catalogue_scores, scores, summaries, wilson_interval
from songradar.ml.outcomes import Outcome
from songradar.ml.package import SHIPPED
from songradar.wording import percent

COMMANDS = {"scan": ("evaluate_scan", "Measure how well long recordings are named.")}


class Seconds(click.ParamType[tuple[float, ...]]):
    """Lengths such as 1,2.5,10."""

    name = "LIST"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            lengths = tuple(sorted({float(part) for part in str(value).split(",")}))
        except ValueError:
            lengths = ()
        if not lengths or not 0 < lengths[0] <= lengths[-1] <= 600:
            self.fail(f"{value!r} is no list of seconds such as 1,2,5", param, ctx)
        return lengths


@click.group(cls=LazyGroup, table=COMMANDS, invoke_without_command=True)
@MUSIC
@DISTRACTORS
@click.option(
    "--filler", metavar="N", type=click.IntRange(0), default=0, help="Search again beside so many mixtures of songs."
)
@NOISE
@RESPONSES
@ENCODERS
@click.option("--seconds", type=Seconds(), default="1,2,3,5,10", show_default=True, help="Lengths of the queries.")
@click.option("--per-condition", type=click.IntRange(1), default=100, show_default=True, help="Queries of each length.")
@ABSENT
@ONLY
@SEED
@click.option("--out", metavar="DIR", type=PATH, help="Write evaluation.json and plots there.")
@WORKERS
@click.pass_context
def evaluate(
    ctx: click.Context,
    music: tuple[Path, ...],
    distractors: tuple[Path, ...],
    filler: int,
    noise: tuple[Path, ...],
    ir: tuple[Path, ...],
    names: tuple[str, ...],
    seconds: tuple[float, ...],
    per_condition: int,
    absent: float,
    only: Path | None,
    seed: int,
    out: Path | None,
    workers: int | None,
) -> None:
    """Fill a temporary catalogue with songs, record pieces of them under named conditions, and search for these.

    Prints how many were named rightly, by condition and length, with 95 % intervals; how many recordings of songs that
    the catalogue does not hold were named all the same; how exact the offsets are; and how long a search takes.

    \b
    songradar evaluate --music ~/Music --noise ~/noise --ir ~/responses
    songradar evaluate --music ~/Music --encoder siamese --encoder runs/mine --seconds 5,10
    """
    if ctx.invoked_subcommand is not None:
        refuse_options(ctx)
        return
    if not music:
        raise click.MissingParameter(ctx=ctx, param_hint="'--music'", param_type="option")
    if out is not None:
        from songradar.ml import plots  # needs matplotlib; if it is missing, fail before the work and not after it
    options = EvaluationOptions(
        music, distractors, filler, noise, ir, names_in(only), seconds, per_condition, absent, workers, seed
    )
    with Watching() as watching:
        evaluation = run_evaluation([choose_encoder(name) for name in names or (SHIPPED,)], options, watching)
    for name, mine in evaluation.outcomes.items():
        beside = f" beside {evaluation.n_distractors} others" if evaluation.n_distractors else ""
        click.echo(f"\n{name}: {evaluation.n_songs} songs in the catalogue{beside}, {evaluation.n_absent} absent")
        print_hits(mine)
        print_answers(mine)
        print_catalogues(mine)
    if out is not None:
        write_report(evaluation, out)
        plots.draw_roc(evaluation.outcomes, out / "roc.png")
        plots.draw_reliability(evaluation.outcomes, out / "reliability.png")
        click.echo(f"\n{out}: evaluation.json, roc.png and reliability.png written")


def refuse_options(ctx: click.Context) -> None:
    """What stands before the name of a subcommand would be ignored. Raises click.UsageError."""
    given = [
        param.opts[0] for param in ctx.command.params
        if ctx.get_parameter_source(str(param.name)) == ParameterSource.COMMANDLINE
    ]  # fmt: skip
    if given:
        raise click.UsageError(f"{', '.join(given)}: options of {ctx.invoked_subcommand} stand after it", ctx)


def print_hits(outcomes: Sequence[Outcome]) -> None:
    """Share of recordings named rightly (top-1), and share named rightly and accepted, by condition and length."""
    found = [score for score in scores(outcomes) if score.n_searched]
    lengths = sorted({outcome.query.seconds for outcome in outcomes})
    asked = [condition for condition in CONDITIONS if condition.name in {score.condition for score in found}]
    everyday = {condition.name for condition in asked if condition.everyday}
    rows = [(condition.name, {condition.name}) for condition in asked]
    rows += [("clean to 0 dB, phone", everyday), ("all of these", {condition.name for condition in asked})]

    def table(title: str, hits: Callable[[Score], int]) -> None:
        def cell(names: set[str], length: float) -> str:
            mine = [score for score in found if score.condition in names and score.seconds == length]
            return share(sum(map(hits, mine)), sum(score.n_queries for score in mine))

        cells = [(label, *(cell(names, length) for length in lengths)) for label, names in rows]
        print_table((title, *(f"{length:g} s" for length in lengths)), cells)

    table("named rightly, 95 % interval", lambda score: score.n_right)
    click.echo()
    table("named rightly and accepted", lambda score: score.n_right_accepted)


def share(n_hits: int, n: int) -> str:
    """A share with its 95 % interval."""
    if not n:
        return "-"
    low, high = wilson_interval(n_hits, n)
    return f"{percent(n_hits / n)} ({100 * low:.0f}-{100 * high:.0f})"


def part(n: int, total: int) -> str:
    """So many of so many."""
    return f"{n} of {total} ({percent(n / total)})" if total else "-"


def print_answers(outcomes: Sequence[Outcome]) -> None:
    """What a user meets, by length: answers given, wrong names, errors of offset, time."""

    def row(label: str, value: Callable[[Summary], str]) -> tuple[str, ...]:
        return (label, *(value(summary) if summary.n_searched else "-" for summary in found))

    found = summaries(outcomes)
    lengths = [f"{summary.seconds:g} s" for summary in found]
    strangers = list(dict.fromkeys(kind for summary in found for kind in summary.false_accepts))
    click.echo()
    print_table(
        ("falsely named, of what is absent", *lengths),
        [row(kind, lambda s, kind=kind: part(*s.false_accepts.get(kind, (0, 0)))) for kind in strangers]  # type: ignore[misc]
        + [row("all of these", lambda s: part(*map(sum, zip(*s.false_accepts.values(), strict=True))))],
    )
    click.echo()
    print_table(
        ("all conditions", *lengths),
        [
            row("song in the catalogue, wrong song named", lambda s: percent(s.wrongly_named)),
            row("expected calibration error", lambda s: f"{s.calibration_error:.3f}"),
            row("right song, at another place that sounds the same", lambda s: percent(s.same_sound)),
            row(
                "error of offset, of the others: median, 95 %",
                lambda s: f"{s.offset_error_s[0]:.2f}, {s.offset_error_s[1]:.2f} s",
            ),
            row("encoding, ms: median, 95 %", lambda s: f"{s.encode_ms[0]:.0f}, {s.encode_ms[1]:.0f}"),
            row("match_v1, ms: median, 95 %", lambda s: f"{s.search_ms[0]:.0f}, {s.search_ms[1]:.0f}"),
        ],
    )


def print_catalogues(outcomes: Sequence[Outcome]) -> None:
    """What a user of a small catalogue meets."""
    found = catalogue_scores(outcomes)
    click.echo()
    print_table(
        ("catalogue of", "named rightly and accepted", "absent, falsely named", "expected calibration error"),
        [
            (
                score.among,
                share(score.n_right_accepted, score.n_queries),
                part(score.n_false_accepts, score.n_absent),
                f"{score.calibration_error:.3f}",
            )
            for score in found
        ],
    )


def write_report(evaluation: Evaluation, out: Path) -> None:
    """evaluation.json with all counts, and the evidence of every outcome, from which `songradar calibrate` fits."""
    out.mkdir(parents=True, exist_ok=True)
    of_encoders = {
        name: {
            "cells": [asdict(score) for score in scores(mine)],
            "lengths": [asdict(summary) for summary in summaries(mine)],
            "catalogues": [asdict(score) for score in catalogue_scores(mine)],
            "outcomes": [as_record(outcome) for outcome in mine],
        }
        for name, mine in evaluation.outcomes.items()
    }
    facts = {
        "seed": evaluation.seed,
        "songs": evaluation.n_songs,
        "distractors": evaluation.n_distractors,
        "absent_songs": evaluation.n_absent,
        "encoders": of_encoders,
    }
    (out / "evaluation.json").write_text(json.dumps(facts, indent=2) + "\n")
