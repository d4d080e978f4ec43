"""Songs that take up room: a catalogue of tens of thousands, for measurements."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import psycopg
from numpy.typing import NDArray

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db.store import NewSong, add_song
from songradar.events import Listener, counter, ignore
from songradar.ml.mixtures import mixture
from songradar.tending import tend_index

_SONGS = """
    SELECT array_agg(f.embedding::real[] ORDER BY f.position)
      FROM songradar.fragments AS f
      JOIN songradar.songs AS s ON s.id = f.song_id
     WHERE f.encoder_id = %s AND s.source = ANY (%s)
     GROUP BY f.song_id
     ORDER BY f.song_id
"""


def add_filler(
    catalogue: Catalogue, encoder: LoadedEncoder, of: Sequence[str], n: int, seed: int, listen: Listener = ignore
) -> None:
    """Add `n` songs that are mixtures, each of two songs among the sources `of`, and build the index anew."""
    advance = counter("filling", n, listen)
    rng = np.random.default_rng(seed)
    with catalogue.connection() as connection:
        songs = [np.array(row[0], np.float32) for row in connection.execute(_SONGS, [encoder.id, list(of)])]
        if len(songs) < 2:
            return
        for number in range(n):
            one, other = rng.choice(len(songs), 2, replace=False)
            made = mixture(songs[one], songs[other], rng)
            source = f"{encoder.name}/filler {number}"
            store_made(connection, encoder, source, np.arange(len(made), dtype=np.int32), made)
            advance()
    tend_index(catalogue, encoder.name)


def store_made(
    connection: psycopg.Connection,
    encoder: LoadedEncoder,
    source: str,
    positions: NDArray[np.int32],
    embeddings: NDArray[np.float32],
) -> None:
    """Store a song that no file on this machine holds, with fragments (F, 64) at positions (F,)."""
    spec = encoder.network.spec
    song = NewSong(
        title=source,
        artist=None,
        album=None,
        collection=None,
        duration_s=float(positions[-1] * spec.hop_s + spec.fragment_s),
        source=source,
        host="nowhere",
        sha256=hashlib.sha256(source.encode()).digest(),
        size_bytes=0,
        modified_at=datetime.now(UTC),
    )
    add_song(connection, song, encoder.id, positions, embeddings)
