"""What each part of the recipe is worth: the same short training with and without it.

    python docs/ablation.py MUSIC_DIR... --noise DIR --ir DIR --out DIR

Prints the validation of each run as a Markdown table: recordings of songs held out, named rightly by exact search. With
one seed and 200 recordings in each column, differences of less than 5 points say nothing. Options besides those below
are those of `songradar train contrastive`; they go before the short run's own. Runs that are done are not repeated.

Runs on other songs or noises are validated with other recordings, too. With --test, all runs are compared on the same
ones instead: songs from each folder, none of them in MUSIC_DIR, with the noises, talk and responses held out, at the
recipe's hop.
"""

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

VARIANTS = {
    "the recipe": [],
    "without offset": ["--without", "offset"],
    "without songs alike in a batch": ["--without", "neighbours"],
    "without noise alone as a negative": ["--without", "bare_noise"],
    "half of the filters": ["--widths", "24", "48", "80", "112"],
    "half as many filters again": ["--widths", "72", "144", "240", "336"],
    "without rooms": ["--without", "room"],
    "without band limits": ["--without", "band_pass"],
    "without speed, tempo, pitch": ["--without", "warp"],
    "without codecs": ["--without", "codec"],
    "twice the hop, 1 s": ["--hop", "1"],
    "without singing": [],
    "without talk among the noises": [],
}
"""In this order the first six share a bank of spectrograms; each of the others draws its own in the same place."""

NEEDED = {"without singing": "singing", "without talk among the noises": "talk"}
"""Variants that only exist if there is something to leave out."""

EASY = 0.96
"""Conditions in which every run reaches this are not printed."""

SHORT = ["--epochs", "3", "--steps", "100", "--pairs", "128", "--chunks", "4000", "--trial", "200", "--recordings", "0"]

N_QUERIES = 60
"""Recordings in each condition of the songs of each folder of --test."""

LOUD = ("noise 0 dB", "noise -5 dB", "talk 0 dB", "talk -5 dB")
"""Conditions that have a column of their own; in the last two, all noise is somebody talking."""

HELD_OUT = 0.15
"""Share of files, by their names, that no training is given."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS), help="variants to run and print")
    parser.add_argument("--noise", metavar="DIR", type=Path, required=True)
    parser.add_argument("--ir", metavar="DIR", type=Path, required=True)
    parser.add_argument("--singing", metavar="DIR", help="songs that all but one variant are trained on, too")
    parser.add_argument("--instead", metavar="DIR", help="songs that this one is trained on instead")
    parser.add_argument(
        "--talk",
        metavar="DIR",
        type=Path,
        nargs="*",
        default=[],
        help="noises of people who talk, which all but one variant are given",
    )
    parser.add_argument("--test", metavar="DIR", nargs="*", type=Path, default=[], help="songs to compare all runs on")
    arguments, passed_on = parser.parse_known_args()
    arguments.only = [name for name in arguments.only if getattr(arguments, NEEDED.get(name, "out"))]
    for name in arguments.only:
        run = folder_of(name, arguments.out)
        if not (run / "CARD.md").exists():
            command = [sys.executable, "-m", "songradar", "train", "contrastive", *SHORT, *passed_on, *VARIANTS[name]]
            material = [*material_of(name, arguments), "--bank", arguments.out / "bank", "--out", run]
            subprocess.run([*command, *material], check=True)
    print_table(compared(arguments) if arguments.test else validations(arguments))


def folder_of(name: str, out: Path) -> Path:
    return out / name.replace(",", "").replace(" ", "_")


def material_of(name: str, arguments: argparse.Namespace) -> Iterator[str | Path]:
    """The folders that a variant is trained on, besides those of music."""
    yield from ("--noise", arguments.noise, "--ir", arguments.ir)
    songs = arguments.instead if name == "without singing" else arguments.singing
    if songs:
        yield songs
    if name != "without talk among the noises":
        yield from (part for folder in arguments.talk for part in ("--noise", folder))


def validations(arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """For each variant, the best epoch's hit rates in the conditions that are not easy, and the mean of all."""
    rows = {}
    for name in arguments.only:
        with (folder_of(name, arguments.out) / "curves.csv").open(newline="") as file:
            rows[name] = max(csv.DictReader(file), key=lambda row: float(row["hit_rate"]))
    columns = [
        key
        for key in next(iter(rows.values()))
        if key.endswith(" s") and any(float(row[key]) < EASY for row in rows.values())
    ]
    titles = {**{key: key for key in columns}, "hit_rate": "mean"}
    return {name: {titles[key]: float(row[key]) for key in titles} for name, row in rows.items()}


def compared(arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """For each variant, the hit rates of songs from each folder of --test, and those of all in some conditions.

    All songs of --test are one catalogue. If the recipe's runs keep weights to average (--average), the average of
    theirs is one more row.
    """
    from songradar.ml.spec import CONTRASTIVE as SPEC  # what follows needs TensorFlow, and help does not
    from songradar.ml.training.contrastive.config import ContrastiveConfig
    from songradar.ml.training.contrastive.fit import averaged, embedder, first_encoder
    from songradar.ml.training.contrastive.retrieval import named_rightly

    catalogue, trial, groups = test_of(arguments, SPEC)
    rows = {}
    for name in arguments.only:
        run = folder_of(name, arguments.out)
        widths = tuple(json.loads((run / "settings.json").read_text())["widths"])
        encoder = first_encoder(SPEC, ContrastiveConfig(widths=widths), run, catalogue)
        right = named_rightly(embedder(encoder), catalogue, trial, SPEC)
        rows[name] = {group: float(right[:, chosen].mean()) for group, chosen in groups.items()}
        if name == "the recipe" and (kept := sorted(run.glob("epoch*.npz"))):
            encoder.set_weights(averaged(kept))
            right = named_rightly(embedder(encoder), catalogue, trial, SPEC)
            title = f"the recipe, average of its last {len(kept)} epochs"
            rows[title] = {group: float(right[:, chosen].mean()) for group, chosen in groups.items()}
    return rows


def test_of(arguments: argparse.Namespace, spec: Any) -> tuple[Any, Any, dict[str, Any]]:
    """The songs of --test as one catalogue, recordings of them, and which of these (Q,) each column is about."""
    from songradar.ml.conditions import Surroundings
    from songradar.ml.files import AudioFile, audio_files
    from songradar.ml.training.contrastive.bank import Clean, render_clean
    from songradar.ml.training.contrastive.recordings import Part, part_of, read_recordings
    from songradar.ml.training.contrastive.retrieval import QUERIED, Trial, draw_trial

    def held_out(name: str) -> bool:
        return part_of(name, HELD_OUT) != Part.TRAIN

    bank, rate_hz = arguments.out / "test", spec.sample_rate_hz
    bank.mkdir(parents=True, exist_ok=True)
    noises = read_recordings([arguments.noise, *arguments.talk], rate_hz, bank / "noises", held_out, 1)
    waves = [noises.wave(number) for number in range(len(noises))]
    responses = [file for file in audio_files([arguments.ir]) if isinstance(file, AudioFile) and held_out(file.name)]
    all_noises = Surroundings.read(waves, [file.path for file in responses], rate_hz)
    voices = [wave for name, wave in zip(noises.names, waves, strict=True) if "speech" in name]
    cleans, trials, folders, heard, first = [], [], [], [], 0
    for folder in arguments.test:
        songs = read_recordings([folder], rate_hz, bank / folder.name, lambda _: True, 1)
        cleans.append(render_clean(songs, spec, bank / f"{folder.name}.f16", 1))
        for kind, around in (("noise", all_noises), ("talk", replace(all_noises, noises=voices))):
            trial = draw_trial(songs, spec, around, N_QUERIES, seed=1)
            names = np.array([QUERIED[number].name.replace("noise", kind) for number in trial.condition])
            kept = np.isin(names, LOUD) if kind == "talk" else np.full(len(names), True)
            trials.append(Trial(trial.views[kept], trial.condition[kept], trial.song[kept] + first))
            folders += [folder.name if kind == "noise" else ""] * int(kept.sum())
            heard += list(names[kept])
        first += len(songs)
    whole = Trial(*(np.concatenate([getattr(trial, part) for trial in trials]) for part in Trial.__annotations__))
    lengths = np.concatenate([np.diff(clean.starts) for clean in cleans])
    catalogue = Clean(np.concatenate([clean.frames for clean in cleans]), np.concatenate([[0], np.cumsum(lengths)]))
    columns = {folder.name: np.array(folders) == folder.name for folder in arguments.test}
    columns |= {name: np.array(heard) == name for name in (*LOUD, "room + noise 5 dB")}
    columns["speed, tempo, pitch"] = np.array([name.startswith(("speed", "tempo", "pitch")) for name in heard])
    return catalogue, whole, columns


def print_table(rows: dict[str, dict[str, float]]) -> None:
    columns = list(next(iter(rows.values())))
    print("| |", " | ".join(columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    for name, row in rows.items():
        print(f"| {name} |", " | ".join(f"{100 * row[key]:.1f}" for key in columns), "|")


if __name__ == "__main__":
    main()
