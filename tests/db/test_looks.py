"""The looks of match_v1: how far they reach, and which of them answers."""

import re

import numpy as np
import pytest

from songradar.db import search
from tests.db.questions import WEIGHTS, judge_by, question
from tests.db.rows import active_encoder_id, add_recording, add_trees, between, noisy, unit_vectors
from tests.reach import connect

LISTS_OF_A_LOOK = """
    SELECT current_setting('ivfflat.probes')::integer
      FROM songradar.set_reach_v1(%(encoder)s, NULL, %(thorough)s, %(n)s)
"""


@pytest.mark.parametrize(
    ("thorough", "n", "lists"),
    [(True, 100, 24), (True, 12, 24), (True, 6, 48), (True, 4, 72), (True, 1, 96), (True, 0, 96), (False, 4, 6)],
)
def test_thorough_look_reaches_further_the_shorter_a_recording_is(database, thorough, n, lists):
    add_trees(1, n=2)
    with connect() as connection, connection.transaction():
        asked = {"encoder": active_encoder_id(), "thorough": thorough, "n": n}

        assert connection.execute(LISTS_OF_A_LOOK, asked).fetchone() == (lists,)


@pytest.mark.parametrize(("n", "looked_up"), [(3, [3, 3]), (4, [4, 4]), (13, [4, 13]), (29, [6, 29])])
def test_first_look_is_for_a_fifth_of_the_fragments_but_at_least_four(database, n, looked_up):
    add_trees(2, n=40)
    with connect() as connection:
        plans = "\n".join(search.explain(connection, question(unit_vectors(40, seed=1)[:n])))

    assert [int(rows) for rows in re.findall(r"CTE looked_up\n.*?actual.*?rows=(\d+)", plans)] == looked_up


def looks_of(query, **options):
    """The answer, and which look of match_v1 gave it, as it tells in a debugging message."""
    said = []
    with connect() as connection:
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary))
        connection.execute("SET client_min_messages = debug1")
        found = search.find_matches(connection, question(query, **options))
    (look,) = (re.search(r"match_v1: the (\w+) look", text)[1] for text in said if "match_v1: the" in text)
    return found, look


@pytest.mark.parametrize(("level", "look"), [(0.02, "first"), (0.9, "thorough")])
def test_easy_recording_is_answered_by_the_first_look_and_a_hard_one_as_exact_search_does(forest, rng, level, look):
    judge_by(WEIGHTS)
    query = noisy(unit_vectors(40, seed=7)[11:27], rng, level)
    found, taken = looks_of(query)
    exact, _ = looks_of(query, exact=True)

    assert taken == look
    assert (found[0].title, found[0].offset_s, found[0].score) == ("Tree 7", exact[0].offset_s, exact[0].score)
    assert found[0].accepted == exact[0].accepted


def test_both_looks_give_the_same_rows_where_the_first_is_accepted(forest, rng):
    """The song, another file of its recording, and what came near: scored by all fragments either way."""
    judge_by(WEIGHTS)
    add_recording("Compilation", noisy(between(unit_vectors(40, seed=7), np.arange(36)), rng, 0.005))
    query = noisy(unit_vectors(40, seed=7)[11:27], rng)
    quick, look = looks_of(query)
    with connect() as connection:
        connection.execute("UPDATE songradar.encoders SET sure = NULL")
    slow, other_look = looks_of(query)

    def rows(found):
        return [(m.rank, m.title, m.offset_s, m.score, m.n_fragments, m.accepted, m.same_recording) for m in found[:2]]

    assert (look, other_look) == ("first", "thorough")
    assert rows(quick) == rows(slow)
    assert [match.same_recording for match in quick[:3]] == [True, True, False]
    assert quick[0].confidence == pytest.approx(slow[0].confidence, abs=0.01)


def test_first_look_stands_where_no_other_is_wanted(forest, rng):
    judge_by(WEIGHTS)
    query = noisy(unit_vectors(40, seed=7)[11:27], rng, 0.9)
    found, look = looks_of(query, first_look=True)
    _, otherwise = looks_of(query)

    assert (look, otherwise) == ("first", "thorough")
    assert found[0].rank == 1


def test_exact_search_takes_no_first_look(forest, rng):
    _, look = looks_of(noisy(unit_vectors(40, seed=7)[11:27], rng), exact=True)

    assert look == "thorough"
