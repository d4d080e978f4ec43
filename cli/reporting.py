"""How outcomes of files are told, by all commands that have some."""

from collections.abc import Iterable
from typing import Any

import click

from songradar.catalogue import Catalogue
from songradar.cli.output import clock, counted, named, print_json, warn
from songradar.cli.progress import progress, stages
from songradar.db.twins import Twin
from songradar.ingest import FileOutcome, Tally, tend_index

ALWAYS = ("added", "already there", "failed")
SELDOM = ("replaced", "moved", "removed", "duplicate")
"""The outcomes that a summary always counts, and those that it mentions only if there are any."""

COUNTED = ("added", "replaced", "moved", "removed", "already there", "duplicate", "failed")
"""Those that machines are always told of."""


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
                record = {"source": outcome.source, "outcome": outcome.outcome}
                if outcome.reason:
                    record["reason"] = outcome.reason
                heard = {"duration_s": outcome.duration_s, "fragments": outcome.fragments}
                twins = {"twins": [rounded(twin) for twin in outcome.twins]} if outcome.twins else {}
                print_json(record | (heard if outcome.fragments else {}) | twins)


def twins_told(outcome: FileOutcome) -> str:
    """Of a file whose recording was there before: in which song, and whether it was left out."""
    first, *others = outcome.twins
    said = "left out" if outcome.outcome == "duplicate" else "added"
    song = f"song {first.song_id}, {named(first.title, first.artist)}"
    more = f", and with {counted(len(others), 'other song')}" if others else ""
    return f"{outcome.source}: {said}; it has {clock(first.overlap_s)} of the recording in common with {song}{more}"


def rounded(twin: Twin) -> dict[str, Any]:
    """A twin for machines: times to hundredths of a second, the speed to hundredths of a percent."""
    digits = {"shift_s": 2, "overlap_s": 2, "speed": 4, "confidence": 4}
    return {name: round(value, digits[name]) if name in digits else value for name, value in vars(twin).items()}


def build_index(catalogue: Catalogue, encoder: str | None) -> None:
    """Build the index again where the catalogue has outgrown it."""
    name = catalogue.encoder(encoder).name
    with stages(f"index of {name}") as tell:
        tend_index(catalogue, name, on_progress=tell)


def print_summary(tally: Tally, *, as_json: bool = False) -> None:
    """What was done and how fast."""
    if not as_json:
        click.echo(summary(tally))
        return
    counts = {
        key: tally.counts[key]
        for key in ("added", "replaced", "moved", "removed", "already there", "duplicate", "failed")
    }
    extent = {"hours": round(tally.audio_s / 3600, 4), "fragments": tally.fragments}
    pace = {"seconds": round(tally.seconds, 2), "hours_per_minute": round(tally.speed / 60, 2)}
    print_json({"summary": counts | extent | pace})


def summary(tally: Tally) -> str:
    """What was done and how fast, for people."""
    shown = (*ALWAYS, *(key for key in SELDOM if tally.counts[key]))
    counts = ", ".join(f"{tally.counts[key]} {key}" for key in shown)
    if not tally.audio_s:
        return f"{counts} ({tally.seconds:.1f} s)"
    extent = f"{tally.audio_s / 3600:.2f} h of audio, {tally.fragments} fragments"
    pace = f"{tally.speed:.0f} x real time, {tally.speed / 60:.1f} h of audio a minute"
    return f"{counts}\n{extent} in {tally.seconds:.1f} s: {pace}"
