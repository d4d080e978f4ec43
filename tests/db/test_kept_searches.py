"""What stays of a search in the database, and how the view shows it."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from songradar.db import search, sharing
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


def keep(found, which, kept_for=None, query="/home/ann/bar.wav"):
    """What is kept of two searches, of which one named nothing."""
    named = [replace(found[0], accepted=True), *found[1:]]
    with connect() as connection:
        search.set_kept(connection, which, kept_for)
        for matches in (named, found[1:]):
            search.save_search(connection, query, 3.0, active_encoder_id(), {}, matches)
        return connection.execute(
            "SELECT query, rank, title FROM songradar.matches_v1 ORDER BY search_id, rank"
        ).fetchall()


@pytest.mark.parametrize(
    ("which", "kept"),
    [
        ("all", ["/home/ann/bar.wav"] * 9),
        ("accepted", ["/home/ann/bar.wav"] * 2),
        ("names", ["recording"]),
        ("none", []),
    ],
)
def test_of_searches_no_more_is_kept_than_the_owner_wants(found, which, kept):
    assert [query for query, _, _ in keep(found, which)] == kept


def test_program_that_knows_nothing_of_the_settings_keeps_no_more(database):
    """The database itself sees to them."""
    insert = "INSERT INTO songradar.searches (query, duration_s) VALUES ('/home/ann/bar.wav', 3)"
    with connect() as connection:
        for which in ("none", "names"):
            search.set_kept(connection, which)
            connection.execute(insert)
        kept = connection.execute("SELECT query FROM songradar.searches").fetchall()

    assert kept == [("recording",)]


def test_searches_are_removed_when_their_time_is_over_by_whoever_keeps_the_next(server, found, database):
    keep(found, "all", timedelta(days=90))
    with connect() as connection:
        connection.execute("UPDATE songradar.searches SET searched_at = now() - interval '91 days' WHERE id = 1")
    with server.role("radio"):
        with connect() as connection:
            sharing.grant(connection, "radio", write=True)
            connection.execute("REVOKE DELETE ON songradar.searches FROM radio")
        with psycopg.connect(database.replace("postgres@", "radio@")) as writer:
            writer.execute("INSERT INTO songradar.searches (query, duration_s) VALUES ('next', 3)")
        with connect() as connection:
            kept = connection.execute("SELECT id, query FROM songradar.searches ORDER BY id").fetchall()
            orphans = connection.execute("SELECT count(*) FROM songradar.matches WHERE search_id = 1").fetchone()
            sharing.revoke(connection, "radio")

    assert [query for _, query in kept] == ["/home/ann/bar.wav", "next"]
    assert orphans == (0,)


def test_what_is_kept_and_for_how_long_is_set_on_the_command_line(database, run):
    said = run("searches", "keep", "names", "--for", "90d")
    refused = run("searches", "keep", "all", "--for", "0d")
    with connect() as connection:
        kept = connection.execute("SELECT kept_candidates, kept_for FROM songradar.settings").fetchone()

    assert said.stdout == "of searches, the names alone are kept from now on, for 2160 h\n"
    assert kept == ("names", timedelta(days=90))
    assert refused.exit_code == 2


def test_no_column_of_the_database_could_hold_a_recording(database):
    with connect() as connection:
        found = connection.execute(
            "SELECT table_name || '.' || column_name FROM information_schema.columns"
            " WHERE table_schema = 'songradar' AND data_type = 'bytea' AND table_name !~ '_v1$' ORDER BY 1"
        ).fetchall()

    assert [name for (name,) in found] == ["encoders.onnx", "encoders.sha256", "scans.sha256", "songs.sha256"]
