"""Songs are followed as the database's function compares them."""

import numpy as np
import pytest
from pgvector import HalfVector

from songradar.catalogue import Catalogue
from songradar.following import Follower, Heard, StoredSong
from songradar.ml.audio import decode
from songradar.timeline import Line, Point
from tests import synth


@pytest.fixture
def song(rng):
    """Half a minute of music, in the middle of it five seconds of silence."""
    wave = synth.melody(rng, 30.0)
    wave[12 * synth.RATE_HZ : 17 * synth.RATE_HZ] = 0
    return wave


@pytest.fixture
def path(tmp_path, song):
    return synth.write_wav(tmp_path / "song.wav", song)


def follow_v1(connection, encoder_id, song_id, embeddings, song_s):
    statement = "SELECT songradar.follow_v1(%s, %s, %s, %s::double precision[])"
    halves = [HalfVector(embedding) for embedding in embeddings]
    return connection.execute(statement, [encoder_id, song_id, halves, song_s.tolist()]).fetchone()[0]


def test_similarities_are_those_of_the_sql_function(database, run, path):
    run("ingest", path)
    with Catalogue.open() as catalogue, catalogue.connection() as connection:
        encoder = catalogue.encoder()
        spec = encoder.network.spec
        (song_id,) = connection.execute("SELECT id FROM songradar.songs").fetchone()
        follower = Follower(catalogue, encoder)
        follower.heard = Heard.of(encoder.network.stream_query(decode(path, spec.sample_rate_hz)), spec)
        line = Line(song_id, [Point(0, 10, song_id, -3.1, 5.0)], rate=1.1, shift_s=-3.1)
        last = int(follower.heard.numbers[-1]) + 1
        found = follower.follow(line, 0, last)
        expected = np.zeros(last)
        places_s = line.song_s(follower.heard.numbers * spec.query_hop_s)
        expected[follower.heard.numbers] = follow_v1(
            connection, encoder.id, song_id, follower.heard.embeddings, places_s
        )

    assert found == pytest.approx(expected, abs=2e-3)
    assert 0 < np.count_nonzero(found) < len(found)


def test_song_that_was_removed_is_similar_to_nothing(database, run, path):
    run("ingest", path)
    with Catalogue.open() as catalogue:
        encoder = catalogue.encoder()
        follower = Follower(catalogue, encoder)
        spec = encoder.network.spec
        follower.heard = Heard.of(encoder.network.stream_query(decode(path, spec.sample_rate_hz)), spec)

        assert not follower.follow(Line(999, [Point(0, 10, 999, 0.0, 5.0)]), 0, 20).any()


def test_nothing_is_stored_before_a_song_and_behind_it(rng, database):
    with Catalogue.open() as catalogue:
        spec = catalogue.encoder().network.spec
    stored = rng.standard_normal((8, 4)).astype(np.float32)
    song = StoredSong(np.arange(2, 10), stored / np.linalg.norm(stored, axis=1, keepdims=True), spec)
    places_s = np.array([-100.0, -spec.hop_s, 0.0, 2 * spec.hop_s, 9 * spec.hop_s, 10 * spec.hop_s, 1000.0])
    heard = song._embeddings[[2, 2, 2, 2, 9, 9, 9]]

    assert song.similarities(heard, places_s) == pytest.approx([0, 0, 0, 1, 1, 0, 0], abs=1e-5)
