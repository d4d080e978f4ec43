"""Writing the catalogue: whole songs, each once, whatever happens in between."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import psycopg
import pytest

from songradar.db import songs, store
from songradar.db.errors import SongRefused, SongUnknown
from tests.db.rows import active_encoder_id, add_song, remove_song, song_row, store_song, unit_vectors
from tests.reach import connect, engine

SOURCE = "/music/Amber.flac"


def with_connection(act, *arguments):
    with connect() as connection:
        return act(connection, *arguments)


def counts(url: str) -> tuple[int, int]:
    """(songs, fragments)."""
    with psycopg.connect(url) as connection:
        songs = connection.execute("SELECT count(*) FROM songradar.songs").fetchone()[0]
        return songs, connection.execute("SELECT count(*) FROM songradar.fragments").fetchone()[0]


def test_song_is_stored_with_all_its_fragments(database):
    outcome = add_song("Amber", n=20)

    assert outcome == "added"
    assert counts(database) == (1, 20)


def test_embeddings_come_back_as_they_were_but_for_half_precision(database):
    add_song("Amber", n=5, seed=3)

    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT embedding::vector::text FROM songradar.fragments ORDER BY position"
        ).fetchall()
    stored = np.array([[float(x) for x in row[0].strip("[]").split(",")] for row in rows])
    np.testing.assert_allclose(stored, unit_vectors(5, 3), atol=5e-4)


def test_the_same_bytes_are_one_song(database):
    add_song("Amber")
    outcome = add_song("Amber", source="/elsewhere/copy.flac")

    assert outcome == "already there"
    assert counts(database) == (1, 20)


def test_two_processes_adding_one_song_make_one_song(database):
    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(lambda _: add_song("Amber"), range(8)))

    assert outcomes == ["added"] + ["already there"] * 7
    assert counts(database) == (1, 20)


def test_changed_file_replaces_what_its_path_stood_for(database):
    add_song("Amber", n=20)
    song_id = songs.songs(engine())[0].id
    outcome = add_song("Amber, remastered", n=12, source=SOURCE)
    (song,) = songs.songs(engine())

    assert outcome == "replaced"
    assert (song.id, song.title) == (song_id, "Amber, remastered")
    assert counts(database) == (1, 12)


def test_the_same_path_on_another_machine_is_another_song(database):
    add_song("Amber", seed=1)
    outcome = add_song("Birch", seed=2, source=SOURCE, host="there")

    assert outcome == "added"
    assert counts(database) == (2, 40)


def test_a_failure_between_song_and_fragments_leaves_neither(database):
    negative = np.array([0, 1, -1], np.int32)

    with pytest.raises(SongRefused, match="fragments_position_check"):
        store_song(song_row("Amber"), negative, unit_vectors(3, 1))

    assert counts(database) == (0, 0)


def test_unchanged_file_is_known_without_being_read(database):
    add_song("Amber")
    stamp, later = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    ask = lambda size, at: with_connection(store.unchanged, active_encoder_id(), "here", {SOURCE: (size, at)})

    assert ask(1000, stamp) == {SOURCE}
    assert ask(1001, stamp) == ask(1000, later) == set()


def test_a_song_counts_as_indexed_only_for_the_encoder_that_heard_it(database):
    add_song("Amber")
    digest = song_row("Amber").sha256

    assert with_connection(store.indexed, active_encoder_id(), [digest])[digest].source == SOURCE
    assert with_connection(store.indexed, active_encoder_id() + 1, [digest]) == {}


def test_moved_file_keeps_its_song(database):
    add_song("Amber")
    with_connection(store.relocate, song_row("Amber", source="/new/Amber.flac"))
    (song,) = songs.songs(engine())

    assert song.source == "/new/Amber.flac"
    assert counts(database) == (1, 20)


def test_removed_song_takes_its_fragments_along(database):
    add_song("Amber", seed=1)
    add_song("Birch", seed=2)
    remove_song(songs.songs(engine(), "amber")[0].id)

    assert [song.title for song in songs.songs(engine())] == ["Birch"]
    assert counts(database) == (1, 20)


def test_removing_or_showing_what_is_not_there_is_an_error(database):
    with pytest.raises(SongUnknown, match="no song number 99"):
        remove_song(99)
    with pytest.raises(SongUnknown, match="no song number 99"):
        songs.song(engine(), 99)


def test_songs_are_found_by_any_text_taken_literally(database):
    add_song("100% Amber", seed=1)
    add_song("100 Birches", seed=2)

    assert [song.title for song in songs.songs(engine(), "100%")] == ["100% Amber"]
    assert len(songs.songs(engine(), "THE TREES")) == 2


def test_a_song_without_title_is_refused_by_the_database(database):
    with pytest.raises(SongRefused, match="songs_title_check"):
        add_song("", source="/x", content="y")
