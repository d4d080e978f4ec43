"""How far the looks of match_v1 reach."""

import re

import pytest

from songradar.db import search
from tests.db.questions import question
from tests.db.rows import active_encoder_id, add_trees, unit_vectors
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
