"""Make songs with singing.

python -m songradar.ml.training.singing VOICES... --midi FOLDER --sound-font FILE --out FOLDER
"""

import shutil
import sys
from pathlib import Path

import click

from songradar.ml.files import AudioFile, audio_files
from songradar.ml.training.singing.album import Album, make_album
from songradar.ml.training.singing.song import Sources

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
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the songs.")
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
    sources = Sources(tunes(midi), tuple(recordings(path) for path in voices), sound_fonts)
    for problem in make_album(Album(sources, songs, seconds, seed, out), workers):
        if problem:
            print(problem, file=sys.stderr, flush=True)


def tunes(folder: Path) -> tuple[Path, ...]:
    """The MIDI files of a folder, in order of name."""
    found = tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in (".mid", ".midi")))
    if not found:
        raise click.ClickException(f"{folder}: no MIDI files")
    return found


def recordings(path: Path) -> tuple[Path, ...]:
    """A recording of speech, or those of a folder."""
    found = tuple(file.path for file in audio_files([path]) if isinstance(file, AudioFile))
    if not found:
        raise click.ClickException(f"{path}: no recordings of speech")
    return found


if __name__ == "__main__":
    main()
