"""How answers of searches are told."""

import click

from songradar.cli.output import print_json, warn
from songradar.identify import Answer
from songradar.records import of_answer
from songradar.wording import clock, named, percent, shown

WORTH_A_LINE = 0.05
"""Other candidates are shown only if their confidence is above this."""


def print_answer_json(answer: Answer) -> None:
    print_json(of_answer(answer))


def print_answer(answer: Answer, *, everything: bool = False) -> None:
    """The answer, and other candidates: `everything`, or those that matter."""
    seconds = f"{answer.timings_ms['total'] / 1000:.2f} s" if answer.timings_ms else ""
    if answer.matched:
        best = answer.matches[0]
        where = f"from {clock(best.offset_s)}, confidence {percent(best.confidence)}, {seconds}"
        click.echo(f"{shown(answer.query)}: {click.style(named(best.title, best.artist), bold=True)} ({where})")
    else:
        why = answer.reason or seconds
        click.echo(f"{shown(answer.query)}: {click.style('no match', bold=True)} ({why})")
    for match in answer.matches[1 if answer.matched else 0 :]:
        place = f"{clock(match.offset_s):>7}  {percent(match.confidence):>6}"
        if answer.matched and match.same_recording:
            name = f"{named(match.title, match.artist)} (song {match.song_id}, the same recording)"
            click.echo(f"    {'also':<8}{place}  {name}")
        elif everything or match.confidence > WORTH_A_LINE:
            click.echo(f"    {'or' if answer.matched else 'nearest':<8}{place}  {named(match.title, match.artist)}")
    if answer.missing:
        numbers = ", ".join(map(str, answer.missing))
        warn(f"{shown(answer.query)}: the answer is partial, as these shards did not answer: {numbers}")
    if answer.plan:
        click.echo("    " + ", ".join(f"{stage} {ms} ms" for stage, ms in answer.timings_ms.items()))
        click.echo("\n".join(f"    {line}" for line in answer.plan))
