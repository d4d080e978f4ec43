"""What stays of a search in the database, and how the view shows it."""

import pytest

from songradar.db import search
from tests.db.questions import find
from tests.db.rows import active_encoder_id, add_song, add_trees, noisy, remove_song, unit_vectors
from tests.reach import connect


@pytest.fixture
def forest(database):
    """Thirty songs of forty fragments: random vectors from seeds 0 to 29."""
    add_trees(30, n=40)


@pytest.fixture
def found(forest, rng):
    """The matches of a piece of the seventh song."""
    return find(noisy(unit_vectors(40, seed=7)[:4], rng))


def test_search_and_matches_are_kept_together(found):
    with connect() as connection:
        number = search.save_search(connection, "bar.wav", 3.0, active_encoder_id(), {"total": 5.0}, found)
        rows = connection.execute(
            "SELECT rank, title, at, query, encoder FROM songradar.matches_v1 WHERE search_id = %s ORDER BY rank",
            [number],
        ).fetchall()

    assert rows[0] == (1, "Tree 7", "0:00", "bar.wav", "toy")
    assert len(rows) == len(found)


def test_match_of_a_song_removed_meanwhile_is_left_out(found):
    remove_song(found[0].song_id)
    with connect() as connection:
        number = search.save_search(connection, "bar.wav", 3.0, active_encoder_id(), {}, found)
        ranks = connection.execute("SELECT rank FROM songradar.matches WHERE search_id = %s", [number]).fetchall()

    assert sorted(ranks) == [(2,), (3,), (4,), (5,)]


def test_place_in_the_song_reads_as_a_person_says_it(database):
    add_song("Amber")
    places = {-0.3: "0:00", -61: "-1:01", 4.6: "0:05", 59.7: "1:00", 3725: "1:02:05"}
    with connect() as connection:
        (song_id,) = connection.execute("SELECT song_id FROM songradar.songs_v1").fetchone()
        for offset_s in places:
            best = search.Match(
                1, song_id, "", None, "", offset_s, 1, 1, 0, 0, 1, 1, accepted=True, same_recording=True
            )
            search.save_search(connection, "bar.wav", 3.0, active_encoder_id(), {}, [best])
        said = connection.execute("SELECT at FROM songradar.matches_v1 ORDER BY search_id").fetchall()

    assert [row[0] for row in said] == list(places.values())


def test_search_without_any_candidate_is_kept_too(database):
    with connect() as connection:
        number = search.save_search(connection, "bar.wav", 3.0, active_encoder_id(), {}, [])
        rows = connection.execute("SELECT search_id, rank FROM songradar.matches_v1").fetchall()

    assert rows == [(number, None)]
