"""songradar spectrogram: the pictures that the article's network looks at."""

from pathlib import Path

import click

from songradar.cli.options import PATH
from songradar.ml.audio import decode, windows
from songradar.ml.errors import ClipTooShort
from songradar.ml.spec import SIAMESE
from songradar.wording import clock


@click.command()
@click.argument("file", metavar="FILE", type=PATH)
@click.option("-o", "--out", metavar="DIR", required=True, type=PATH, help="Where to draw.")
def spectrogram(file: Path, out: Path) -> None:
    """Draw the mel spectrogram of every ten-second fragment of FILE as a PNG in DIR.

    \b
    songradar spectrogram song.flac -o pictures

    Needs pip install 'songradar[train]'.
    """
    from songradar.ml.training.spectrogram import draw  # librosa

    out.mkdir(parents=True, exist_ok=True)
    cut = windows(decode(file, SIAMESE.sample_rate_hz), SIAMESE.fragment_samples, SIAMESE.samples(SIAMESE.hop_s))
    n_drawn = 0
    for n_drawn, fragment in enumerate(cut, start=1):
        start_s = (n_drawn - 1) * SIAMESE.hop_s
        title = f"{file.name} from {clock(start_s)}"
        draw(fragment, SIAMESE, start_s, title, out / f"{file.stem}-{round(start_s):04d}s.png")
    if not n_drawn:
        raise ClipTooShort(f"{file}: is shorter than one fragment of {SIAMESE.fragment_s:g} s")
    click.echo(f"{n_drawn} pictures in {out}")
