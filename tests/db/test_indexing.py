"""The index of codes: it grows with the catalogue, while searches go on, and survives interruptions."""

import numpy as np
import psycopg
import pytest

from db import indexing, store
from db.engine import connect, engine
from db.errors import EncoderUnknown, IndexBusy, NotAllowed
from db.search import Question, find_matches
from db.statistics import advice, statistics
from tests.db.rows import active_encoder_id, add_song, add_trees, unit_vectors


def the_index() -> indexing.CodeIndex:
    with connect() as connection:
        (index,) = indexing.indexes(connection)
    return index


def names(url: str) -> list[tuple[str, bool]]:
    """The indexes of fragments and whether each is valid."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT indexrelid::regclass::text, indisvalid FROM pg_index"
            " WHERE indrelid::regclass::text ~ '^songradar.fragments_' ORDER BY 1"
        ).fetchall()


def first_of(seed: int) -> str:
    """The title that a piece of the song made from `seed` brings."""
    with connect() as connection:
        query = unit_vectors(300, seed)[100:108]
        return find_matches(connection, Question(active_encoder_id(), query, 0.5 * np.arange(8, dtype=np.float32)))[
            0
        ].title


@pytest.fixture
def forest(database):
    """Twenty songs of three hundred fragments."""
    add_trees(20, n=300)
    return database


def test_index_is_divided_as_the_rows_want_and_finds_the_same(forest):
    before = the_index()
    phases = []
    lists = indexing.rebuild(before, on_progress=lambda phase, share: phases.append((phase, share)))

    assert (before.lists, before.rows, lists) == (
        1,
        pytest.approx(6000, rel=0.1),
        before.rows // indexing.ROWS_PER_LIST,
    )
    assert the_index().lists == lists
    assert [name for name, _ in names(forest)] == [f"songradar.{before.name}", f"songradar.{before.table}_pkey"]
    assert {first_of(seed) for seed in range(20)} == {f"Tree {seed}" for seed in range(20)}
    assert all(0 <= share <= 1 for _, share in phases)


def test_lists_are_bounded_by_rows_and_by_memory():
    index = indexing.CodeIndex(1, "toy", True, rows=10_000_000, lists=1)

    assert index.lists_wanted(2**40) == 20_000
    assert index.lists_wanted(2**30) == 2209
    assert indexing.CodeIndex(1, "toy", True, rows=10, lists=1).lists_wanted(2**30) == 1


def test_songs_added_after_the_building_are_found(forest):
    indexing.rebuild(the_index())
    add_song("Late", n=300, seed=99)

    assert first_of(99) == "Late"


def test_unfinished_index_is_cleared_away_and_the_old_one_serves_meanwhile(forest):
    index = the_index()
    with psycopg.connect(forest, autocommit=True) as connection:
        connection.execute("SET search_path = songradar, public")
        connection.execute(indexing._definition(index.new_name, index.table, "public", 3, "CONCURRENTLY "))
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [f"songradar.{index.new_name}"]
        )

    assert (f"songradar.{index.new_name}", False) in names(forest)
    assert first_of(3) == "Tree 3"
    indexing.rebuild(index)
    assert [valid for _, valid in names(forest)] == [True, True]
    assert the_index().lists == index.rows // indexing.ROWS_PER_LIST


def test_finished_index_takes_over_though_its_builder_was_killed(forest):
    index = the_index()
    with psycopg.connect(forest, autocommit=True) as connection:
        connection.execute("SET search_path = songradar, public")
        connection.execute(indexing._definition(index.new_name, index.table, "public", 3, "CONCURRENTLY "))
        connection.execute(f"DROP INDEX CONCURRENTLY songradar.{index.name}")

    assert first_of(3) == "Tree 3"
    assert the_index().lists == 3
    indexing.rebuild(the_index())
    assert [valid for _, valid in names(forest)] == [True, True]


def test_only_one_builds_at_a_time(forest):
    index = the_index()
    with psycopg.connect(forest) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [indexing._LOCK + index.encoder_id])
        with pytest.raises(IndexBusy, match="index of toy is being built already"):
            indexing.rebuild(index)

    assert indexing.rebuild(index) == index.rows // indexing.ROWS_PER_LIST


def test_role_that_does_not_own_the_schema_is_told_who_may(forest, server, monkeypatch):
    with server.role("visitor"):
        with psycopg.connect(forest, autocommit=True) as connection:
            connection.execute("GRANT USAGE ON SCHEMA songradar TO visitor")
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA songradar TO visitor")
        monkeypatch.setenv("DATABASE_URL", forest.replace("postgres@", "visitor@"))
        index = the_index()
        with pytest.raises(NotAllowed, match="belongs to the owner"):
            indexing.tidy(index)
        monkeypatch.setenv("DATABASE_URL", forest)
        with psycopg.connect(forest, autocommit=True) as connection:
            connection.execute("DROP OWNED BY visitor")


def test_removed_songs_take_no_space_after_tidying(forest):
    indexing.rebuild(the_index())
    with connect() as connection:
        kept = [n for (n,) in connection.execute("SELECT song_id FROM songradar.songs_v1 WHERE title > 'Tree 3'")]
        gone = [n for (n,) in connection.execute("SELECT song_id FROM songradar.songs_v1 WHERE title <= 'Tree 3'")]
        for number in gone:
            store.remove_song(engine(), number)
        connection.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        before = statistics(connection)
        indexing.tidy(the_index())
        connection.execute("SELECT pg_stat_clear_snapshot()")
        after = statistics(connection)

    assert kept
    assert after.fragments == before.fragments == 300 * len(kept)
    assert after.bytes_index < before.bytes_index
    assert after.dead_tuples == 0
    assert first_of(5) == "Tree 5"


def test_advice_names_an_index_that_is_outgrown(forest):
    old = the_index()
    with connect() as connection:
        before = advice(connection, statistics(connection), [old])
        indexing.rebuild(old)
        after = advice(connection, statistics(connection), [the_index()])

    shorter = old.rows // (old.rows // indexing.ROWS_PER_LIST)
    wanted = f"{old.rows} fragments, which searches must look through: songradar db reindex makes them {shorter}"
    assert before == [f"the index of toy has lists of {wanted}"]
    assert after == []


def test_unknown_encoder_is_named(database):
    with connect() as connection, pytest.raises(EncoderUnknown, match="no encoder called nix"):
        indexing.indexes(connection, "nix")
