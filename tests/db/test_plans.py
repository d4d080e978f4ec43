"""How a search runs: the plans PostgreSQL makes of it, the songs it looks among, the settings it leaves behind."""

import re

import pytest

from songradar.db import indexing, search
from songradar.db.encoders import add_encoder
from tests import reach
from tests.db.questions import question
from tests.db.rows import add_trees, new_encoder, noisy, unit_vectors
from tests.reach import connect, engine
from tests.toy_encoder import write_toy_encoder

SETTINGS = "SELECT current_setting('jit'), current_setting('enable_seqscan'), current_setting('ivfflat.probes')"


@pytest.fixture
def forest(database):
    """Thirty songs of forty fragments."""
    add_trees(30, n=40)


def plan_of(question):
    """The lines of what is executed."""
    with connect() as connection:
        return "\n".join(line for line in search.explain(connection, question) if "(never executed)" not in line)


def rows_of(statement):
    with connect() as connection:
        return connection.execute(statement).fetchall()


def test_plans_at_a_hundred_thousand_fragments(database, toy_folder, rng):
    """The index of one partition inside the LATERAL, or the rows of few songs; never a sequential scan."""
    add_trees(101, n=1000)
    add_encoder(engine(), new_encoder(write_toy_encoder(toy_folder.parent / "other", seed=1)))
    with connect() as connection:
        (here,) = (index for index in indexing.indexes(connection) if index.rows > 0)
    indexing.rebuild(reach.server(), here)
    numbers = [number for (number,) in rows_of("SELECT song_id FROM songradar.songs_v1 ORDER BY song_id")]
    query = noisy(unit_vectors(1000, seed=7)[11:19], rng)
    everywhere, few, many = (plan_of(question(query, songs=songs)) for songs in (None, numbers[:5], numbers[:90]))

    assert [plan.count(f"Index Scan using {here.name} on {here.table}") for plan in (everywhere, few, many)] == [
        2,  # once for each look
        2,
        4,
    ]
    assert "SubPlan" in many  # the choice is a hash table, not an array to be run through for each fragment
    for plan in (everywhere, few, many):
        assert f"Index Scan using {here.table}_pkey" in plan
        assert set(re.findall(r" on (fragments_\d+)", plan)) == {here.table}
        assert "Seq Scan" not in plan


def test_plan_of_an_exact_search_leaves_the_index_out(forest, rng):
    assert "code_idx" not in plan_of(question(noisy(unit_vectors(40, seed=7)[11:19], rng), exact=True))


@pytest.mark.parametrize("n", [3, 95])
@pytest.mark.parametrize("exact", [False, True])
def test_only_the_chosen_songs_are_named(database, rng, n, exact):
    add_trees(100, n=10)
    numbers = [number for (number,) in rows_of("SELECT song_id FROM songradar.songs_v1 ORDER BY song_id")]
    query = noisy(unit_vectors(10, seed=1)[1:9], rng)
    with connect() as connection:
        within = search.find_matches(connection, question(query, songs=numbers[:n], exact=exact))
        without = search.find_matches(connection, question(query, songs=numbers[2 : n + 2], exact=exact))

    assert within[0].title == "Tree 1"
    assert {match.song_id for match in without} <= set(numbers[2 : n + 2])
    assert without[0].score < 0.5


def test_settings_of_a_search_are_gone_when_it_ends(forest, rng):
    with connect() as connection:
        connection.execute("SET ivfflat.probes = 3")
        before = connection.execute(SETTINGS).fetchone()
        search.find_matches(connection, question(unit_vectors(3, seed=1)))

        assert connection.execute(SETTINGS).fetchone() == before
