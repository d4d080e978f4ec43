"""songradar demo: the main job on a few songs in the package, in a catalogue of its own."""

import tempfile
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import click
import numpy as np

from songradar.catalogue import Catalogue
from songradar.cli.answers import print_answer
from songradar.cli.options import PATH
from songradar.cli.reporting import print_summary, report
from songradar.identify import SearchOptions, identify
from songradar.ingest import IngestOptions, Tally, ingest
from songradar.ml.audio import read_audio, write_wav
from songradar.ml.files import AudioFile, audio_files
from songradar.ml.noise import mix_at_snr, pink_noise
from songradar.wording import clock

SONG = "karissa_hobbs_lets_go_fishin.ogg"
EXCERPT_START_S = 10.0
EXCERPT_S = 8.0
SNR_DB = 0.0
"""Noise as loud as the music."""


@click.command()
@click.option("--out", metavar="DIR", type=PATH, help="Keep the noisy recording here.")
def demo(out: Path | None) -> None:
    """Ingest a few bundled songs, mix noise over a piece of one, and name it.

    Your own catalogue is not touched: the demo runs on a temporary one.

    \b
    songradar demo
    """
    with (
        as_file(files("songradar.cli").joinpath("songs_of_the_demo")) as folder,
        tempfile.TemporaryDirectory() as scratch,
    ):
        n_songs = sum(isinstance(file, AudioFile) for file in audio_files([folder]))
        click.echo(f"Ingesting {n_songs} songs into a temporary PostgreSQL:")
        with Catalogue.temporary() as catalogue:
            tally = Tally()
            report(ingest(catalogue, folder, IngestOptions(workers=2)), "ingesting", tally)
            print_summary(tally)
            target = out or Path(scratch)
            target.mkdir(parents=True, exist_ok=True)
            clip = target / "noisy.wav"
            song = folder / SONG
            record(song, clip)
            end = EXCERPT_START_S + EXCERPT_S
            click.echo(
                f"A recording: {song.name} from {clock(EXCERPT_START_S)} to {clock(end)}, noise at {SNR_DB:g} dB"
            )
            print_answer(replace(identify(catalogue, clip, SearchOptions(limit=3)), query=clip.name))
    click.echo("Next: songradar ingest YOUR_MUSIC, then songradar search A_RECORDING")


def record(song: Path, clip: Path) -> None:
    """Write an excerpt of `song` with noise over it to `clip`, as 16-bit WAV."""
    rate_hz = 22_050
    start, size = round(EXCERPT_START_S * rate_hz), round(EXCERPT_S * rate_hz)
    excerpt = read_audio(song, rate_hz)[start : start + size]
    write_wav(mix_at_snr(excerpt, pink_noise(len(excerpt), np.random.default_rng(0)), SNR_DB), rate_hz, clip)
