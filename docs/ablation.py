"""What each part of the recipe is worth: the same short training with and without it.

    python docs/ablation.py MUSIC_DIR... --noise DIR --ir DIR --out DIR

Prints the validation of each run as a Markdown table: recordings of songs held out, named rightly by exact search. With
one seed and 200 recordings in each column, differences of less than 5 points say nothing. Options besides --out and
--only are those of `songradar train contrastive`; they go before the short run's own. Runs that are done are not
repeated.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path

VARIANTS = {
    "the recipe": [],
    "without offset": ["--without", "offset"],
    "without songs alike in a batch": ["--without", "neighbours"],
    "without noise alone as a negative": ["--without", "bare_noise"],
    "without rooms": ["--without", "room"],
    "without band limits": ["--without", "band_pass"],
    "without speed, tempo, pitch": ["--without", "warp"],
    "without codecs": ["--without", "codec"],
    "twice the hop, 1 s": ["--hop", "1"],
}
"""In this order the first four share a bank of spectrograms; each of the others draws its own in the same place."""

EASY = 0.96
"""Conditions in which every run reaches this are not printed."""

SHORT = ["--epochs", "3", "--steps", "100", "--pairs", "128", "--chunks", "4000", "--trial", "200", "--recordings", "0"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS), help="variants to run and print")
    arguments, passed_on = parser.parse_known_args()
    rows = {}
    for name in arguments.only:
        run = arguments.out / name.replace(",", "").replace(" ", "_")
        if not (run / "CARD.md").exists():
            command = [sys.executable, "-m", "songradar", "train", "contrastive", *SHORT, *passed_on, *VARIANTS[name]]
            subprocess.run([*command, "--bank", arguments.out / "bank", "--out", run], check=True)
        with (run / "curves.csv").open(newline="") as file:
            rows[name] = max(csv.DictReader(file), key=lambda row: float(row["hit_rate"]))
    columns = [
        key
        for key in next(iter(rows.values()))
        if key.endswith(" s") and any(float(row[key]) < EASY for row in rows.values())
    ]
    columns.append("hit_rate")
    print("| |", " | ".join(columns).replace("hit_rate", "mean"), "|")
    print("|---" * (len(columns) + 1) + "|")
    for name, row in rows.items():
        print(f"| {name} |", " | ".join(f"{100 * float(row[key]):.1f}" for key in columns), "|")


if __name__ == "__main__":
    main()
