"""songradar scans: the scans that are kept."""

from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

import click

from songradar import history
from songradar.catalogue import Catalogue
from songradar.cli.formats import AS_CSV, AS_JSON, FORMAT, OUTPUT, chosen_format, written
from songradar.cli.options import JSON, NO_UNKNOWN, YES
from songradar.cli.output import Failed, confirm_removal, note, print_json, print_table
from songradar.wording import clock, shown

COLUMNS = ("scan", "recording", "began", "scanned", "length", "songs", "finished")


@click.group()
def scans() -> None:
    """List, show and remove scans that are kept."""


@scans.command("list")
@JSON
def list_scans(as_json: bool) -> None:
    """List the scans, the newest first: when the recording began, if that is known, and how many songs were heard.

    \b
    songradar scans list
    songradar scans list --json
    """
    with Catalogue.open() as catalogue:
        found, _ = history.scans(catalogue, limit=None)
    if as_json:
        for scan in found:
            print_json(scan)
        return
    print_table(COLUMNS, [row_of(scan) for scan in found], fit=True)


@scans.command("show")
@click.argument("scan_id", metavar="SCAN", type=int)
@AS_JSON
@AS_CSV
@FORMAT
@OUTPUT
@NO_UNKNOWN
def show(scan_id: int, as_json: bool, as_csv: bool, name: str | None, output: Path | None, no_unknown: bool) -> None:
    """Report what scan number SCAN has found, as `songradar scan` does, without hearing the recording again.

    \b
    songradar scans show 3
    songradar scans show 3 --format cue -o mix.cue
    """
    _, form = chosen_format(as_json, as_csv, name)
    with Catalogue.open() as catalogue, written(output) as write:
        scan = found_scan(catalogue, scan_id)
        if scan["finished_at"] is None:
            note(f"scan {scan_id} is not finished: it has come to {clock(scan['scanned_s'])}")
        for text in history.report(catalogue, scan, form, scan["recording"], no_unknown=no_unknown):
            write(text)


@scans.command("remove")
@click.argument("scan_ids", metavar="SCAN...", nargs=-1, required=True, type=int)
@YES
def remove(scan_ids: tuple[int, ...], yes: bool) -> None:
    """Remove scans by number, with what was played in them; the recordings' files stay.

    \b
    songradar scans remove 3 4 --yes
    """
    with Catalogue.open() as catalogue:
        found = [found_scan(catalogue, scan_id) for scan_id in dict.fromkeys(scan_ids)]
        if not yes:
            confirm_removal(", ".join(f"scan {scan['scan_id']} of {shown(scan['recording'])}" for scan in found))
        for scan in found:
            history.remove_scan(catalogue, scan["scan_id"])
            click.echo(f"{scan['scan_id']}: removed {shown(scan['recording'])}")


def found_scan(catalogue: Catalogue, scan_id: int) -> dict[str, Any]:
    """The scan of that number. Raises Failed."""
    found = history.scan(catalogue, scan_id) if scan_id < 2**63 else None
    if found is None:
        raise Failed(f"there is no scan number {scan_id}")
    return found


def row_of(scan: dict[str, Any]) -> tuple[object, ...]:
    """The cells of a scan's line; of a file, only its own name."""
    recording, length_s = scan["recording"], scan["duration_s"]
    return (
        scan["scan_id"],
        PurePath(recording).name if recording.startswith("/") else recording,
        minute(scan["began_at"]),
        minute(scan["scanned_at"]),
        None if length_s is None else clock(length_s),
        scan["plays"],
        "yes" if scan["finished_at"] else f"up to {clock(scan['scanned_s'])}",
    )


def minute(moment: str | None) -> str | None:
    """A moment of ISO 8601, by this computer's clock."""
    return moment and f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
