"""songradar demo: the main job on a few songs in the package, in a catalogue of its own."""

import tempfile
from dataclasses import replace
from pathlib import Path

import click

from songradar.catalogue import Catalogue
from songradar.cli.answers import print_answer
from songradar.cli.bundled import bundled_songs, ingest_bundled, write_noisy
from songradar.cli.options import PATH
from songradar.identify import SearchOptions, identify
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
    with bundled_songs() as folder, tempfile.TemporaryDirectory() as scratch, Catalogue.temporary() as catalogue:
        ingest_bundled(catalogue, folder)
        target = out or Path(scratch)
        target.mkdir(parents=True, exist_ok=True)
        clip = target / "noisy.wav"
        write_noisy(folder / SONG, EXCERPT_START_S, EXCERPT_S, SNR_DB, clip)
        end = EXCERPT_START_S + EXCERPT_S
        click.echo(f"A recording: {SONG} from {clock(EXCERPT_START_S)} to {clock(end)}, noise at {SNR_DB:g} dB")
        print_answer(replace(identify(catalogue, clip, SearchOptions(limit=3)), query=clip.name))
    click.echo("Next: songradar ingest YOUR_MUSIC, then songradar search A_RECORDING")
