"""The songs in the package, and recordings made of them, for the demos."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path

import click
import numpy as np

from songradar.catalogue import Catalogue
from songradar.cli.reporting import print_summary, report
from songradar.ingest import IngestOptions, ingest
from songradar.ml.audio import Wave, read_audio, write_wav
from songradar.ml.files import AudioFile, audio_files
from songradar.ml.noise import mix_at_snr, pink_noise
from songradar.outcomes import Tally
from songradar.scan import ScanOptions, scan

RATE_HZ = 22_050
"""Of the recordings that are made here."""

FADE_S = 3.0
"""Songs of a mix fade into each other over this time."""

PIECES = (
    ("kevin_macleod_vibe_ace.m4a", 0.0, 30.0),
    ("holiznacc0_first_snow.opus", 0.0, 30.0),
    ("us_army_strings_hungarian_dance_5.flac", 0.0, 30.0),
    (None, 0.0, 14.0),
    ("karissa_hobbs_lets_go_fishin.ogg", 0.0, 30.0),
    ("software_entwicklungskit_francium_stem_mix.mp3", 0.0, 30.0),
    ("kevin_macleod_vibe_ace.m4a", 8.0, 30.0),
    ("cynicmusic_waterworks.m4a", 0.0, 30.0),
)
"""A mix: of which song which seconds are played; None is noise that no song explains."""


@contextmanager
def bundled_songs() -> Iterator[Path]:
    """The folder of the songs in the package, for the length of a block."""
    with as_file(files("songradar.cli").joinpath("songs_of_the_demo")) as folder:
        yield folder


def ingest_bundled(catalogue: Catalogue, folder: Path) -> None:
    """Add the songs to a catalogue and tell about it."""
    n_songs = sum(isinstance(file, AudioFile) for file in audio_files([folder]))
    click.echo(f"Ingesting {n_songs} songs into a temporary PostgreSQL:")
    tally = Tally()
    report(ingest(catalogue, folder, IngestOptions(workers=2)), "ingesting", tally)
    print_summary(tally)


@contextmanager
def demo_catalogue() -> Iterator[tuple[Catalogue, Path]]:
    """A temporary catalogue of the bundled songs, in which a mix of them was scanned; and a folder with recordings."""
    with (
        bundled_songs() as folder,
        tempfile.TemporaryDirectory(prefix="songradar-demo-") as scratch,
        Catalogue.temporary() as catalogue,
    ):
        ingest_bundled(catalogue, folder)
        mix, noisy = Path(scratch, "radio.wav"), Path(scratch, "noisy.wav")
        write_noisy(folder / "karissa_hobbs_lets_go_fishin.ogg", 10.0, 8.0, 0.0, noisy)
        seconds = write_mix(folder, mix)
        click.echo("Scanning a mix of them")
        for _ in scan(catalogue, mix, ScanOptions(began_at=datetime.now(UTC) - timedelta(seconds=seconds))):
            pass
        yield catalogue, Path(scratch)


def write_noisy(song: Path, start_s: float, duration_s: float, snr_db: float, target: Path) -> None:
    """Write an excerpt of `song` with noise over it to `target`, as 16-bit WAV."""
    excerpt = _excerpt(song, start_s, start_s + duration_s)
    write_wav(mix_at_snr(excerpt, pink_noise(len(excerpt), np.random.default_rng(0)), snr_db), RATE_HZ, target)


def write_mix(folder: Path, target: Path) -> float:
    """Write PIECES of the songs in `folder`, faded into each other, to `target`, as 16-bit WAV. Gives its seconds."""
    n_fade = round(FADE_S * RATE_HZ)
    rise = np.linspace(0.0, 1.0, n_fade, dtype=np.float32) ** 0.5
    whole = np.zeros(n_fade, np.float32)
    for name, begin_s, end_s in PIECES:
        if name is None:
            piece = 0.05 * pink_noise(round((end_s - begin_s) * RATE_HZ), np.random.default_rng(1))
        else:
            piece = _excerpt(folder / name, begin_s, end_s)
        piece[:n_fade] *= rise
        piece[-n_fade:] *= rise[::-1]
        whole = np.concatenate([whole[:-n_fade], whole[-n_fade:] + piece[:n_fade], piece[n_fade:]])
    write_wav(whole / max(1.0, float(np.abs(whole).max())), RATE_HZ, target)
    return len(whole) / RATE_HZ


def _excerpt(song: Path, begin_s: float, end_s: float) -> Wave:
    samples = read_audio(song, RATE_HZ)[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)]
    return np.array(samples, np.float32)
