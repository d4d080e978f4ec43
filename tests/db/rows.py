"""Rows for tests that need a catalogue but no audio."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songradar.db import encoders, store
from songradar.db.encoders import NewEncoder
from songradar.db.search import read_encoder
from songradar.db.store import NewSong
from songradar.ml.package import read_package
from tests.reach import connect


def song_row(title: str, source: str | None = None, content: str | None = None, host: str = "here") -> NewSong:
    """A song whose bytes are `content` [its title]."""
    return NewSong(
        title=title,
        artist="The Trees",
        album=None,
        duration_s=20.0,
        host=host,
        source=source or f"/music/{title}.flac",
        sha256=hashlib.sha256((content or title).encode()).digest(),
        size_bytes=1000,
        modified_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def unit_vectors(n: int, seed: int) -> NDArray[np.float32]:
    """(n, 64) float32 from a seed."""
    vectors = np.random.default_rng(seed).standard_normal((n, 64)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def active_encoder_id() -> int:
    with connect() as connection:
        return read_encoder(connection).id


def add_song(title: str, n: int = 20, seed: int = 1, **columns: str) -> store.Change:
    """Store a song with `n` fragments of random embeddings under the active encoder."""
    positions = np.arange(n, dtype=np.int32)
    return store_song(song_row(title, **columns), positions, unit_vectors(n, seed))


def store_song(song: NewSong, positions: NDArray[np.int32], embeddings: NDArray[np.float32]) -> store.Change:
    """Store a song under the active encoder."""
    with connect() as connection:
        return store.add_song(connection, song, read_encoder(connection).id, positions, embeddings)


def remove_song(song_id: int) -> None:
    with connect() as connection:
        store.remove_songs(connection, [song_id])


def new_encoder(folder: Path, name: str | None = None) -> NewEncoder:
    """The encoder in a folder, as the database takes it."""
    return NewEncoder(**vars(read_package(folder, name)))


def remove_encoder(name: str) -> int:
    with connect() as connection:
        return encoders.remove_encoder(connection, name)


def add_trees(n_songs: int, n: int, first: int = 0) -> None:
    """Songs `Tree 0`, `Tree 1` ... of `n` fragments each, from the seeds in their titles."""
    for seed in range(first, first + n_songs):
        add_song(f"Tree {seed}", n=n, seed=seed)


def noisy(vectors: NDArray[np.float32], rng: np.random.Generator, level: float = 0.02) -> NDArray[np.float32]:
    """Nearly the same."""
    return (vectors + level * rng.standard_normal(vectors.shape)).astype(np.float32)


def add_recording(title: str, vectors: NDArray[np.float32]) -> store.Change:
    """Store a song with these embeddings (F, 64) under the active encoder."""
    return store_song(song_row(title), np.arange(len(vectors), dtype=np.int32), vectors)


def between(vectors: NDArray[np.float32], places: NDArray[np.float64]) -> NDArray[np.float32]:
    """Unit vectors at fractional places along `vectors`, as embeddings of overlapping fragments lie."""
    low = np.floor(places).astype(int)
    share = (places - low)[:, None]
    points = (1 - share) * vectors[low] + share * vectors[np.minimum(low + 1, len(vectors) - 1)]
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), np.float32)
