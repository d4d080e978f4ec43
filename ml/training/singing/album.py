"""A folder of songs, each made once, and the manifest that tells what they were made of."""

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from songradar.ml.augmentation import encoded
from songradar.ml.errors import AudioError
from songradar.ml.training.singing.song import RATE_HZ, Plan, Sources, draw_plan, make_song

BIT_RATE = 24_000
COLUMNS = ("file", "midi", "voices", "sound_font", "semitones", "tempo", "licences")


@dataclass(frozen=True)
class Album:
    """So many songs of `duration_s`, all drawn from `seed`, in the folder `out`."""

    sources: Sources
    n_songs: int
    duration_s: float
    seed: int
    out: Path

    def plans(self) -> list[Plan]:
        return [draw_plan(self.sources, self.seed, number) for number in range(self.n_songs)]


def make_album(album: Album, workers: int) -> Iterator[str]:
    """Make what is not there yet, in so many processes; yields after each song what kept it from being made, or ""."""
    album.out.mkdir(parents=True, exist_ok=True)
    plans = album.plans()
    write_manifest(album.out, plans)
    for problem in _made(album, plans, workers):
        write_manifest(album.out, plans)
        yield problem


def make(album: Album, number: int, plan: Plan) -> str:
    """Write one song; what keeps it from being made, or ""."""
    try:
        song = make_song(plan, album.duration_s, np.random.default_rng([album.seed, number, 1]))
    except AudioError as error:
        return f"{plan.name}: {error}"
    begun = album.out / f"{plan.name}.part"
    begun.write_bytes(encoded(song, RATE_HZ, "opus", BIT_RATE))
    begun.rename(album.out / plan.name)
    return ""


def write_manifest(folder: Path, plans: Sequence[Plan]) -> None:
    """One row for each of the songs that are there."""
    with (folder / "MANIFEST.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows(_row(plan) for plan in plans if (folder / plan.name).exists())


def licence_of(path: Path) -> str:
    """What the MANIFEST.csv beside a file, or one folder above, says of its licence, or nothing."""
    told = (_licences(folder / "MANIFEST.csv").get(path.relative_to(folder).as_posix()) for folder in path.parents[:2])
    return next(filter(None, told), "")


@cache
def _licences(manifest: Path) -> dict[str, str]:
    """Licences by file. They are asked for after every song, and manifests may be long."""
    if not manifest.exists():
        return {}
    with manifest.open(newline="", encoding="utf-8") as file:
        return {row["file"]: row["licence"] for row in csv.DictReader(file)}


def _row(plan: Plan) -> list[object]:
    licences = {licence_of(path) for path in (plan.midi, *plan.voices)} - {""}
    voices = " + ".join(path.name for path in plan.voices)
    told = "; ".join(sorted(licences))
    return [plan.name, plan.midi.name, voices, plan.sound_font.name, plan.semitones, plan.tempo, told]


def _made(album: Album, plans: Sequence[Plan], workers: int) -> Iterator[str]:
    missing = [(number, plan) for number, plan in enumerate(plans) if not (album.out / plan.name).exists()]
    if workers == 1:
        yield from (make(album, number, plan) for number, plan in missing)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for done in as_completed([pool.submit(make, album, number, plan) for number, plan in missing]):
            yield done.result()
