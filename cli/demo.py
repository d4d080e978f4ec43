"""songradar demo: the main job on a few songs in the package, in a catalogue of its own."""

import tempfile
from importlib.resources import as_file, files
from pathlib import Path

import click

from cli.output import clock

SONG = "karissa_hobbs_lets_go_fishin.ogg"
EXCERPT_START_S = 10.0
EXCERPT_S = 8.0
SNR_DB = 0.0
"""Noise as loud as the music."""


@click.command()
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Keep the noisy recording here.")
def demo(out: Path | None) -> None:
    """Ingest a few bundled songs, mix noise over a piece of one, and name it.

    Your own catalogue is not touched: the demo runs on a temporary one.

    \b
    songradar demo
    """
    from cli.encoders import read_shipped
    from cli.search import How, identify, print_answer
    from cli.temporary import fill, temporary_catalogue
    from db.engine import connect
    from ml.files import AudioFile, audio_files

    with (
        as_file(files("cli").joinpath("songs_of_the_demo")) as folder,
        tempfile.TemporaryDirectory() as scratch,
    ):
        songs = [file.path for file in audio_files([folder]) if isinstance(file, AudioFile)]
        click.echo(f"Ingesting {len(songs)} songs into a temporary PostgreSQL:")
        with temporary_catalogue(), connect() as connection:
            stored, encoder = fill(connection, read_shipped(), [folder], 2)
            target = out or Path(scratch)
            target.mkdir(parents=True, exist_ok=True)
            clip = target / "noisy.wav"
            song = folder / SONG
            record(song, clip)
            end = EXCERPT_START_S + EXCERPT_S
            click.echo(
                f"A recording: {song.name} from {clock(EXCERPT_START_S)} to {clock(end)}, noise at {SNR_DB:g} dB"
            )
            print_answer(clip.name, stored.name, identify(clip, connection, stored, encoder, How(limit=3)))
    click.echo("Next: songradar ingest YOUR_MUSIC, then songradar search A_RECORDING")


def record(song: Path, clip: Path) -> None:
    """Write an excerpt of `song` with noise over it to `clip`, as 16-bit WAV."""
    import numpy as np

    from ml.audio import read_audio, write_wav
    from ml.noise import mix_at_snr, pink_noise

    rate_hz = 22_050
    start, size = round(EXCERPT_START_S * rate_hz), round(EXCERPT_S * rate_hz)
    excerpt = read_audio(song, rate_hz)[start : start + size]
    write_wav(mix_at_snr(excerpt, pink_noise(len(excerpt), np.random.default_rng(0)), SNR_DB), rate_hz, clip)
