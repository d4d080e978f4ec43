"""How outcomes of files are told, by all commands that have some."""

from collections.abc import Iterable

import click

from songradar.catalogue import Catalogue
from songradar.cli.output import counted, print_json, warn
from songradar.cli.progress import progress, stages
from songradar.outcomes import FileOutcome, Tally
from songradar.records import of_outcome, of_tally
from songradar.tending import tend_index
from songradar.wording import clock, named

ALWAYS = ("added", "already there", "failed")
SELDOM = ("replaced", "moved", "removed", "duplicate")
"""The outcomes that a summary always counts, and those that it mentions only if there are any."""


def report(outcomes: Iterable[FileOutcome], label: str, tally: Tally, *, as_json: bool = False) -> None:
    """Tell outcomes as they come: failures, progress, JSON."""
    with progress(label) as advance:
        for outcome in outcomes:
            tally.add(outcome)
            advance(outcome.duration_s, outcome.source, outcome.total)
            if outcome.outcome == "failed":
                warn(f"{outcome.source}: {outcome.reason}")
            elif outcome.twins:
                warn(twins_told(outcome))
            if as_json:
                print_json(of_outcome(outcome))


def twins_told(outcome: FileOutcome) -> str:
    """Of a file whose recording was there before: in which song, and whether it was left out."""
    first, *others = outcome.twins
    said = "left out" if outcome.outcome == "duplicate" else "added"
    song = f"song {first.song_id}, {named(first.title, first.artist)}"
    more = f", and with {counted(len(others), 'other song')}" if others else ""
    return f"{outcome.source}: {said}; it has {clock(first.overlap_s)} of the recording in common with {song}{more}"


def build_index(catalogue: Catalogue, encoder: str | None) -> None:
    """Build the index again where the catalogue has outgrown it."""
    name = catalogue.encoder(encoder).name
    with stages(f"index of {name}") as tell:
        tend_index(catalogue, name, on_progress=tell)


def print_summary(tally: Tally, *, as_json: bool = False) -> None:
    """What was done and how fast."""
    print_json(of_tally(tally)) if as_json else click.echo(summary(tally))


def summary(tally: Tally) -> str:
    """What was done and how fast, for people."""
    shown = (*ALWAYS, *(key for key in SELDOM if tally.counts[key]))
    counts = ", ".join(f"{tally.counts[key]} {key}" for key in shown)
    if not tally.audio_s:
        return f"{counts} ({tally.seconds:.1f} s)"
    extent = f"{tally.audio_s / 3600:.2f} h of audio, {tally.fragments} fragments"
    pace = f"{tally.speed:.0f} x real time, {tally.speed / 60:.1f} h of audio a minute"
    return f"{counts}\n{extent} in {tally.seconds:.1f} s: {pace}"
