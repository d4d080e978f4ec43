"""twins_v1 and twins_of_v1, with songs of which it is known what they have in common."""

import numpy as np
import psycopg
import pytest
from pgvector import HalfVector
from psycopg.rows import dict_row

from songradar.db import twins
from tests.db.rows import active_encoder_id, add_song, add_trees, noisy, song_row, store_song, unit_vectors
from tests.reach import connect

HOP_S = 0.5
N = 80


@pytest.fixture
def forest(database):
    """Twenty songs of eighty fragments, forty seconds: random vectors from seeds 0 to 19."""
    add_trees(20, n=N)


def store(title, embeddings):
    store_song(song_row(title), np.arange(len(embeddings), dtype=np.int32), embeddings.astype(np.float32))
    return number(title)


def number(title):
    with connect() as connection:
        return connection.execute("SELECT id FROM songradar.songs WHERE title = %s", [title]).fetchone()[0]


def twins_of_song(song, min_overlap_s=10.0):
    """Rows of twins_v1 for one song, by the twin's title."""
    with connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "SELECT s.title, t.* FROM songradar.twins_v1(%s, %s, %s) AS t JOIN songradar.songs AS s"
            " ON s.id = t.other_song_id",
            [active_encoder_id(), [song], min_overlap_s],
        )
        return {row["title"]: row for row in cursor}


def played(vectors, speed, rng):
    """A song played so much faster: what lies between two fragments is the point between their embeddings."""
    places = np.arange(0, len(vectors) - 1, speed)
    before, far = places.astype(int), (places % 1)[:, None]
    between = (1 - far) * vectors[before] + far * vectors[before + 1]
    return noisy(between / np.linalg.norm(between, axis=1, keepdims=True), rng)


def smooth(n, seed):
    """(n, 64) that change as slowly as overlapping fragments of music do."""
    steps = unit_vectors(n + 2, seed)
    sums = steps[:-2] + 1.5 * steps[1:-1] + steps[2:]
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def test_songs_of_their_own_have_no_twins(forest):
    assert [twins_of_song(number(f"Tree {seed}")) for seed in range(20)] == [{}] * 20


def test_copy_is_a_twin_as_a_whole(forest, rng):
    copy = store("Copy", noisy(unit_vectors(N, seed=7), rng, level=0.05))
    found = twins_of_song(copy)

    assert list(found) == ["Tree 7"]
    assert (found["Tree 7"]["speed"], found["Tree 7"]["start_s"]) == (1.0, 0.0)
    assert found["Tree 7"]["shift_s"] == pytest.approx(0, abs=0.05)
    assert found["Tree 7"]["overlap_s"] == pytest.approx(N * HOP_S, abs=1)
    assert found["Tree 7"]["confidence"] > 0.9


def test_piece_is_found_in_the_whole_and_the_whole_around_the_piece(forest, rng):
    piece = store("Piece", noisy(unit_vectors(N, seed=7)[20:50], rng, level=0.05))
    inside, around = twins_of_song(piece)["Tree 7"], twins_of_song(number("Tree 7"))["Piece"]

    assert (inside["shift_s"], around["shift_s"]) == (pytest.approx(10, abs=0.1), pytest.approx(-10, abs=0.1))
    assert (inside["start_s"], around["start_s"]) == (pytest.approx(0, abs=1), pytest.approx(10, abs=1))
    assert inside["overlap_s"] == pytest.approx(15, abs=1.5)


@pytest.mark.parametrize("speed", [0.96, 1.03, 1.06])
def test_faster_copy_is_a_twin_with_its_speed(database, rng, speed):
    add_trees(20, n=N)
    song = smooth(300, seed=100)
    store("Song", song)
    faster = store("Faster", played(song, speed, rng))
    found = twins_of_song(faster)

    assert list(found) == ["Song"]
    assert found["Song"]["speed"] == pytest.approx(speed, abs=0.003)
    assert found["Song"]["shift_s"] == pytest.approx(0, abs=0.5)
    assert found["Song"]["overlap_s"] == pytest.approx(300 * HOP_S / speed, abs=3)


def test_shared_sample_counts_from_the_least_overlap_on(forest, rng):
    sampled = unit_vectors(N, seed=50)
    sampled[30:46] = unit_vectors(N, seed=7)[10:26]
    song = store("Sampler", noisy(sampled, rng, level=0.05))

    assert twins_of_song(song, min_overlap_s=12) == {}
    assert list(twins_of_song(song, min_overlap_s=5)) == ["Tree 7"]


def test_song_that_repeats_itself_is_one_twin(forest, rng):
    loop = np.tile(unit_vectors(16, seed=60), (6, 1))
    store("Loop", noisy(loop, rng, level=0.05))
    found = twins_of_song(store("Same loop", noisy(loop, rng, level=0.05)))

    assert list(found) == ["Loop"]
    assert found["Loop"]["overlap_s"] == pytest.approx(48, abs=2)


def test_drones_are_no_twins_for_being_alike_at_every_moment(forest, rng):
    drone = unit_vectors(1, seed=70)
    for title in ("Drone", "Other drone"):
        vectors = drone + 0.02 * rng.standard_normal((N, 64))
        last = store(title, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    assert twins_of_song(last) == {}


def test_song_that_is_not_stored_has_twins_but_not_itself(forest, rng):
    vectors = noisy(unit_vectors(N, seed=7), rng, level=0.05)
    positions, encoder = np.arange(N, dtype=np.int32), active_encoder_id()

    def asked(file):
        options = {"probes": 16, "min_overlap_s": 10.0, "min_confidence": 0.8}
        with connect() as connection:
            return [t.title for t in twins.twins_of(connection, encoder, positions, vectors, file=file, **options)]

    assert asked((b"", "/music/new.flac", "here")) == ["Tree 7"]
    assert asked((b"", "/music/Tree 7.flac", "here")) == []


def call(encoder="(SELECT id FROM songradar.encoders)", positions="'{0}'", embeddings="%s", rest=""):
    one = [[HalfVector(unit_vectors(1, seed=0)[0])]] if "%s" in embeddings else []
    with connect() as connection:
        connection.execute(
            f"SELECT * FROM songradar.twins_of_v1({encoder}, {positions}::integer[], {embeddings}{rest})", one
        )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"encoder": "99"}, "there is no encoder 99"),
        ({"positions": "'{0,1}'"}, "positions and embeddings are as many"),
        ({"positions": "'{NULL}'"}, "none is NULL"),
        ({"embeddings": "NULL"}, "positions and embeddings are as many"),
        ({"rest": ", -1"}, "min_overlap_s is at least 0"),
        ({"rest": ", 10, 0"}, "probes at least 1"),
    ],
)
def test_bad_arguments_are_refused(database, arguments, sentence):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=sentence):
        call(**arguments)


def test_encoder_whose_fragments_do_not_overlap_is_refused(database):
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE songradar.encoders SET spec = spec || '{\"hop_s\": 1.0}'")

    with pytest.raises(psycopg.errors.FeatureNotSupported, match="do not overlap"):
        call()


def test_song_without_fragments_and_unknown_numbers_have_no_twins(forest):
    assert twins_of_song(12345) == {}
    add_song("Short", n=1, seed=300)
    assert twins_of_song(number("Short")) == {}
