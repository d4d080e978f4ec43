"""Make songs with singing.

python -m songradar.ml.training.singing VOICES... --midi FOLDER --sound-font FILE --out FOLDER
"""

import csv
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import click
import numpy as np

from songradar.ml.augmentation import encoded
from songradar.ml.errors import AudioError
from songradar.ml.files import AudioFile, audio_files
from songradar.ml.training.singing.song import RATE_HZ, Plan, Sources, draw_plan, make_song

BIT_RATE = 24_000
COLUMNS = ("file", "midi", "voices", "sound_font", "semitones", "tempo", "licences")
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("voices", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--midi", required=True, type=FOLDER, help="MIDI files with tunes.")
@click.option("--sound-font", "sound_fonts", required=True, multiple=True, type=FILE, help="May be repeated.")
@click.option("--songs", default=300, show_default=True, help="How many.")
@click.option("--seconds", default=60.0, show_default=True, help="How long each is.")
@click.option("--seed", default=0, show_default=True, help="The same seed and files give the same songs.")
@click.option("--workers", default=1, show_default=True, help="Processes.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
def main(
    voices: tuple[Path, ...],
    midi: Path,
    sound_fonts: tuple[Path, ...],
    songs: int,
    seconds: float,
    seed: int,
    workers: int,
    out: Path,
) -> None:
    """Make songs out of speech (VOICES: files or folders, each drawn equally often), MIDI files and sound fonts.

    Songs that are in the folder already are not made again. MANIFEST.csv there tells what each was made of.
    """
    if not shutil.which("fluidsynth"):
        raise click.ClickException("FluidSynth plays the band: install the program fluidsynth")
    sources = Sources(_tunes(midi), tuple(_recordings(path) for path in voices), sound_fonts)
    plans = [draw_plan(sources, seed, number) for number in range(songs)]
    out.mkdir(parents=True, exist_ok=True)
    missing = [number for number, plan in enumerate(plans) if not (out / plan.name).exists()]
    write_manifest(plans, out)
    for problem in _made([(plans[number], [seed, number]) for number in missing], seconds, out, workers):
        if problem:
            print(problem, file=sys.stderr, flush=True)
        write_manifest(plans, out)


def make(plan: Plan, seed: Sequence[int], seconds: float, out: Path) -> str:
    """Make a song and write it to `out`; what keeps it from being made, or nothing."""
    try:
        song = make_song(plan, seconds, np.random.default_rng([*seed, 1]))
    except AudioError as error:
        return f"{plan.name}: {error}"
    part = out / f"{plan.name}.part"
    part.write_bytes(encoded(song, RATE_HZ, "opus", BIT_RATE))
    part.rename(out / plan.name)
    return ""


def write_manifest(plans: Sequence[Plan], out: Path) -> None:
    """One row for each of the songs that are there."""
    with (out / "MANIFEST.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows(_row(plan) for plan in plans if (out / plan.name).exists())


def licence_of(path: Path) -> str:
    """What the MANIFEST.csv beside a file, or one folder above, says of its licence, or nothing."""
    for folder in (path.parent, path.parent.parent):
        if (folder / "MANIFEST.csv").exists():
            with (folder / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    if row["file"] == path.relative_to(folder).as_posix():
                        return row["licence"]
    return ""


def _row(plan: Plan) -> list[object]:
    licences = {licence_of(path) for path in (plan.midi, *plan.voices)} - {""}
    voices = " + ".join(path.name for path in plan.voices)
    told = "; ".join(sorted(licences))
    return [plan.name, plan.midi.name, voices, plan.sound_font.name, plan.semitones, plan.tempo, told]


def _tunes(folder: Path) -> tuple[Path, ...]:
    found = tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in (".mid", ".midi")))
    if not found:
        raise click.ClickException(f"{folder}: no MIDI files")
    return found


def _recordings(path: Path) -> tuple[Path, ...]:
    found = tuple(file.path for file in audio_files([path]) if isinstance(file, AudioFile))
    if not found:
        raise click.ClickException(f"{path}: no recordings of speech")
    return found


def _made(work: Sequence[tuple[Plan, Sequence[int]]], seconds: float, out: Path, workers: int) -> Iterator[str]:
    """What `make` says of each song, as they are done."""
    if workers == 1:
        yield from (make(plan, seed, seconds, out) for plan, seed in work)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for done in as_completed([pool.submit(partial(make, *one, seconds, out)) for one in work]):
            yield done.result()


if __name__ == "__main__":
    main()
