"""What the benchmarks begin with: a temporary catalogue, music to fill it with, and recordings to ask for."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from songradar.catalogue import Catalogue, add_package
from songradar.db.search import StoredEncoder
from songradar.evaluate import audio_in, read_surroundings
from songradar.ml.encoder import Encoder
from songradar.ml.package import read_package, read_shipped
from songradar.ml.spec import AudioSpec
from tests import reach
from tests.benchmarks import server
from tests.benchmarks.catalogue import Asked, Embeddings, Material, queries, read_material, songs
from tests.reach import connect

FOLDER = click.Path(exists=True, path_type=Path)
MUSIC = click.option("--music", multiple=True, type=FOLDER, required=True, help="Songs to begin with; may be repeated.")
NOISE = click.option("--noise", multiple=True, type=FOLDER, help="Noises for the queries [pink noise].")
RESPONSES = click.option("--ir", multiple=True, type=FOLDER, help="Impulse responses for the queries [none].")
QUERIES = click.option(
    "--queries", "per_cell", default=30, show_default=True, help="Queries of each length and condition."
)


@dataclass(frozen=True)
class Setting:
    """An empty catalogue's encoder, what to fill it with, and what to ask."""

    stored: StoredEncoder
    encoder: Encoder
    material: Material
    asked: list[Asked]


@dataclass(frozen=True)
class Stored:
    """What the database holds, row by row, as it holds it: (N, 64) embeddings, (N,) songs, (N,) positions."""

    vectors: NDArray[np.float32]
    songs: NDArray[np.int32]
    positions: NDArray[np.int32]

    def hours(self, spec: AudioSpec) -> float:
        """Hours of audio that it was, or for mixtures would have been, cut from."""
        n_songs = len(np.unique(self.songs))
        return (len(self.vectors) * spec.hop_s + n_songs * (spec.fragment_s - spec.hop_s)) / 3600


@contextmanager
def prepared(
    music: Sequence[Path],
    noise: Sequence[Path],
    ir: Sequence[Path],
    seconds: Sequence[float],
    per_cell: int,
    folder: Path | None = None,
) -> Iterator[Setting]:
    """A temporary catalogue with the encoder in `folder` [the shipped one], and `per_cell` queries as in `queries`."""
    with Catalogue.temporary() as catalogue, reach.pointed_at(catalogue.server):
        add_package(catalogue, read_package(folder) if folder else read_shipped())
        loaded = catalogue.encoder()
        stored, encoder = loaded.stored, loaded.network
        material = read_material([file.path for file in audio_in(music, None)], encoder, seed=1)
        asked = queries(material, encoder, read_surroundings(noise, ir, None), seconds, per_cell, seed=2)
        yield Setting(stored, encoder, material, asked)


def fill(encoder_id: int, material: Material, wanted: Sequence[int]) -> Iterator[tuple[Stored, float]]:
    """Load songs until the catalogue has each of the sizes `wanted`; (what it holds, rows loaded in a second)."""
    loaded: list[Embeddings] = []
    source = enumerate(songs(material, seed=3))
    n_rows = 0
    for size in wanted:
        before, started = n_rows, time.perf_counter()
        with connect() as connection:
            while n_rows < size:
                number, embeddings = next(source)
                server.load(connection, encoder_id, number, embeddings)
                loaded.append(embeddings.astype(np.float16))
                n_rows += len(embeddings)
        rows_per_s = (n_rows - before) / (time.perf_counter() - started)
        yield as_stored(loaded), rows_per_s


def as_stored(loaded: Sequence[NDArray[np.float16]]) -> Stored:
    numbers = server.song_ids()
    lengths = [len(part) for part in loaded]
    owners = np.repeat([numbers[number] for number in range(len(loaded))], lengths).astype(np.int32)
    positions = np.concatenate([np.arange(n, dtype=np.int32) for n in lengths])
    return Stored(np.concatenate(loaded).astype(np.float32), owners, positions)
