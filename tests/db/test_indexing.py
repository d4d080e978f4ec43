"""The index of codes: it grows with the catalogue, while searches go on, and survives interruptions."""

from pathlib import Path

import psycopg
import pytest

from songradar.db import indexing
from songradar.db.connection import Server
from songradar.db.errors import EncoderUnknown, IndexBusy, NotAllowed, TransactionsInTheWay
from songradar.db.statistics import advice, statistics
from tests import reach
from tests.db.questions import find
from tests.db.rows import add_song, add_trees, remove_song, unit_vectors
from tests.reach import connect


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
    best, *_ = find(unit_vectors(300, seed)[100:108])
    return best.title


@pytest.fixture
def forest(database):
    """Twenty songs of three hundred fragments."""
    add_trees(20, n=300)
    return database


def test_index_is_divided_as_the_rows_want_and_finds_the_same(forest):
    before = the_index()
    phases = []
    lists = indexing.rebuild(reach.server(), before, on_progress=lambda phase, share: phases.append((phase, share)))

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
    indexing.rebuild(reach.server(), the_index())
    add_song("Late", n=300, seed=99)

    assert first_of(99) == "Late"


def test_unfinished_index_is_cleared_away_and_the_old_one_serves_meanwhile(forest):
    """What a server that crashed while it built the index leaves: an index that is not valid."""
    index = the_index()
    with psycopg.connect(forest, autocommit=True) as connection:
        connection.execute(
            f"CREATE INDEX {index.name}_ccnew ON songradar.{index.table}"
            " USING ivfflat ((songradar.code_v1(embedding)::bit(192)) bit_hamming_ops) WITH (lists = 3)"
        )
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [f"songradar.{index.name}_ccnew"]
        )

    assert (f"songradar.{index.name}_ccnew", False) in names(forest)
    assert the_index().is_outgrown(2**30)
    assert first_of(3) == "Tree 3"
    indexing.rebuild(reach.server(), index)
    assert [valid for _, valid in names(forest)] == [True, True]
    assert the_index().lists == index.rows // indexing.ROWS_PER_LIST


def test_index_whose_building_was_killed_before_it_began_is_built_again(forest):
    """Its number of lists is then that of the index that was never built."""
    index = the_index()
    wanted = index.lists_wanted(2**30)
    with connect() as connection:
        indexing._announce(connection, index, wanted, indexing._MARK)

    assert (the_index().lists, the_index().is_outgrown(2**30)) == (wanted, True)
    assert indexing.rebuild(reach.server(), index) == wanted
    assert (the_index().lists, the_index().is_outgrown(2**30)) == (wanted, False)


def test_idle_transaction_of_others_is_named_and_the_old_index_stays(forest, monkeypatch):
    monkeypatch.setattr(indexing, "LOCK_S", 1)
    index = the_index()
    with psycopg.connect(forest, application_name="left open") as idle:
        idle.execute("SELECT count(*) FROM songradar.fragments")
        with pytest.raises(TransactionsInTheWay, match=r"stays open: process \d+ of postgres \(left open\), begun"):
            indexing.rebuild(reach.server(), index)

        assert the_index().lists == index.lists
        assert first_of(3) == "Tree 3"
    indexing.rebuild(reach.server(), index)
    assert [valid for _, valid in names(forest)] == [True, True]
    assert the_index().lists == index.rows // indexing.ROWS_PER_LIST


def test_memory_of_a_server_that_is_not_embedded_is_left_as_it_is_set(database):
    """Even at localhost, which may be the end of a tunnel."""
    with connect() as connection:
        (set_to,) = connection.execute("SELECT pg_size_bytes(current_setting('maintenance_work_mem'))").fetchone()

        assert indexing.memory_for_building(connection, Server("postgresql://localhost/x")) == set_to
        assert indexing.memory_for_building(connection, Server(folder=Path("data"))) > set_to


def test_only_one_builds_at_a_time(forest):
    index = the_index()
    with psycopg.connect(forest) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [indexing._LOCK + index.encoder_id])
        with pytest.raises(IndexBusy, match="index of toy is being built already"):
            indexing.rebuild(reach.server(), index)

    assert indexing.rebuild(reach.server(), index) == index.rows // indexing.ROWS_PER_LIST


def test_role_that_does_not_own_the_schema_is_told_who_may(forest, server, monkeypatch):
    with server.role("visitor"):
        with psycopg.connect(forest, autocommit=True) as connection:
            connection.execute("GRANT USAGE ON SCHEMA songradar TO visitor")
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA songradar TO visitor")
        monkeypatch.setenv("DATABASE_URL", forest.replace("postgres@", "visitor@"))
        index = the_index()
        with pytest.raises(NotAllowed, match="belongs to the owner"):
            indexing.tidy(reach.server(), index)
        monkeypatch.setenv("DATABASE_URL", forest)
        with psycopg.connect(forest, autocommit=True) as connection:
            connection.execute("DROP OWNED BY visitor")


def test_removed_songs_take_no_space_after_tidying(forest):
    indexing.rebuild(reach.server(), the_index())
    with connect() as connection:
        kept = [n for (n,) in connection.execute("SELECT song_id FROM songradar.songs_v1 WHERE title > 'Tree 3'")]
        gone = [n for (n,) in connection.execute("SELECT song_id FROM songradar.songs_v1 WHERE title <= 'Tree 3'")]
        for number in gone:
            remove_song(number)
        connection.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        before = statistics(connection)
        indexing.tidy(reach.server(), the_index())
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
        before = advice(connection, reach.server(), statistics(connection), [old])
        indexing.rebuild(reach.server(), old)
        after = advice(connection, reach.server(), statistics(connection), [the_index()])

    shorter = old.rows // (old.rows // indexing.ROWS_PER_LIST)
    wanted = f"{old.rows} fragments, which searches must look through: songradar db reindex makes them {shorter}"
    assert before == [f"the index of toy has lists of {wanted}"]
    assert after == []


def test_unknown_encoder_is_named(database):
    with connect() as connection, pytest.raises(EncoderUnknown, match="no encoder called nix"):
        indexing.indexes(connection, "nix")
