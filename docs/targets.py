"""What an evaluation reached, beside what songradar aims at.

    python docs/targets.py runs/test/evaluation.json [ENCODER]

Reads what `songradar evaluate --out runs/test` wrote, of the encoder called ENCODER [the first]. Each cell reads
"reached / target" in percent; a target above the 95 % interval of what was reached is marked with a *.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from songradar.cli.output import print_table
from songradar.ml.evaluation import wilson_interval

LENGTHS_S = (1, 2, 3, 5, 10)

ACCEPTED: Mapping[tuple[str, ...], Sequence[float | None]] = {
    ("clean, from the start", "clean", "tempo 4 %", "speed 2 %"): (85, 96, 99, 100, 100),
    ("noise 10 dB", "noise 5 dB"): (80, 92, 96, 99, 100),
    ("noise 0 dB",): (60, 80, 88, 95, 99),
    ("noise -5 dB",): (30, 55, 70, 85, 95),
    ("room + noise 5 dB",): (55, 80, 90, 96, 99),
    ("phone chain",): (70, 90, 95, 98, 100),
    ("talk 0 dB",): (50, 70, 80, 90, 96),
    ("pitch 0.5 semitones", "speed 5 %"): (65, 88, 94, 98, 100),
    ("speed 8 %",): (40, 65, 80, 92, 98),
    ("half of it talk",): (None, 60, 75, 90, 97),
}
"""Percent of the recordings under these conditions that should be named rightly and accepted, by length."""

FALSELY = 0.5
"""Percent of the recordings of what is absent that may be named, at each length."""

ERROR = 0.03
"""How large the expected calibration error may be, at each length."""

OFFSET_S = (0.05, 0.25)
"""How large the median and the 95th percentile of the error of the offset may be, from two seconds on."""


def beside(n_hits: int, n: int, target: float | None) -> str:
    """A share in percent beside its target, at least which it should be.

    >>> beside(9, 10, 92), beside(90, 100, 97), beside(20, 20, 100), beside(0, 0, 97)
    ('90 / 92', '90 / 97 *', '100 / 100', '-')
    """
    if not n or target is None:
        return "-"
    _, high = wilson_interval(n_hits, n)
    return f"{100 * n_hits / n:.0f} / {target:g}" + " *" * (target > 100 * high + 1e-6)


def named(cells: Sequence[Mapping[str, Any]], conditions: Sequence[str], length_s: float, target: float | None) -> str:
    """The recordings of one length, under any of the conditions, that were named rightly and accepted."""
    mine = [cell for cell in cells if cell["condition"] in conditions and cell["seconds"] == length_s]
    return beside(sum(cell["n_right_accepted"] for cell in mine), sum(cell["n_queries"] for cell in mine), target)


def at_most(value: float, limit: float, lowest: float | None = None) -> str:
    """A number beside its limit; with `lowest`, the lower end of its interval, it is marked if that is too much.

    >>> at_most(0.02, 0.03), at_most(0.04, 0.03), at_most(0.6, 0.5, 0.2)
    ('0.02 / 0.03', '0.04 / 0.03 *', '0.6 / 0.5')
    """
    return f"{value:.2g} / {limit:g}" + " *" * ((value if lowest is None else lowest) > limit)


def falsely_named(summary: Mapping[str, Any]) -> str:
    """The recordings of what is absent that were named."""
    n_hits, n = (sum(column) for column in zip(*summary["false_accepts"].values(), strict=True))
    return at_most(100 * n_hits / n, FALSELY, 100 * wilson_interval(n_hits, n)[0])


def offsets(summary: Mapping[str, Any], which: int) -> str:
    """The median (0) or the 95th percentile (1) of the error of the offset."""
    return at_most(summary["offset_error_s"][which], OFFSET_S[which]) if summary["seconds"] >= 2 else "-"


def main() -> None:
    encoders = json.loads(Path(sys.argv[1]).read_text("utf-8"))["encoders"]
    found = encoders[sys.argv[2]] if len(sys.argv) > 2 else next(iter(encoders.values()))
    lengths = [summary for summary in found["lengths"] if summary["seconds"] in LENGTHS_S]
    targets = [LENGTHS_S.index(summary["seconds"]) for summary in lengths]
    rows = [
        (", ".join(group), *(named(found["cells"], group, LENGTHS_S[i], wanted[i]) for i in targets))
        for group, wanted in ACCEPTED.items()
    ]
    rows += [
        ("absent, falsely named, at most", *map(falsely_named, lengths)),
        ("expected calibration error, at most", *(at_most(s["calibration_error"], ERROR) for s in lengths)),
        ("error of offset, s: median, at most", *(offsets(s, 0) for s in lengths)),
        ("error of offset, s: 95 %, at most", *(offsets(s, 1) for s in lengths)),
    ]
    header = ("named rightly and accepted, at least", *(f"{summary['seconds']:g} s" for summary in lengths))
    print_table(header, rows)


if __name__ == "__main__":
    main()
