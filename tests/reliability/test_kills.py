"""A handful of kills and outages: what the long runs measure, and that their audit sees what is wrong."""

import numpy as np
import pytest

from tests.reliability import audit
from tests.reliability.kills import one_kill, without_faults
from tests.reliability.outages import during_outage
from tests.reliability.soak import N_PARTS, Work, fill, print_readings, reading, under_load
from tests.reliability.victims import DECODER


@pytest.mark.parametrize(
    ("during", "killed"),
    [("import", ["songradar, SIGKILL", "a backend, SIGKILL"]), ("ingest", [DECODER])],
)
def test_songs_are_whole_or_absent_whoever_is_killed(during, killed, prepared):
    built, asked, rng = prepared.built, prepared.asked, np.random.default_rng(1)
    job = prepared.job(during)
    clean = without_faults(built, job, asked)
    kills = [one_kill(built, job, victim, clean, asked, rng) for victim in killed]

    assert [(kill.killed, kill.whole, kill.done, kill.faults) for kill in kills] == [
        (victim, True, True, []) for victim in killed
    ]


def test_audit_sees_half_a_song_and_what_is_left_over(prepared):
    built = prepared.built
    built.restore("full")
    whole, answers = audit.contents(built), audit.answers(built, prepared.asked)
    with built.connect() as connection:
        connection.execute("DELETE FROM songradar.fragments WHERE song_id = 1 AND position > 10")
        (title,) = connection.execute("SELECT title FROM songradar.songs WHERE id = 1").fetchone()
        connection.execute("SELECT pg_advisory_lock(1)")
        found, left = audit.contents(built), audit.left_over(built)

    assert audit.torn(found, {}, whole) == [f"toy of {title} is neither old nor new"]
    assert audit.answers(built, prepared.asked) != answers
    assert "advisory lock 1" in left
    assert any("fragments" in fault for fault in left)
    assert None not in answers


def test_command_that_the_server_refuses_says_so_and_is_done_later(built, prepared):
    built.at_url = True
    job = prepared.job("songs remove")
    clean = without_faults(built, job, prepared.asked)
    found = during_outage(built, job, "read-only", clean, np.random.default_rng(1))

    assert (found.code, found.whole, found.faults) == (2, True, [])
    assert found.said == "songradar: database: cannot execute DELETE in a read-only transaction"
    assert audit.contents(built) == clean.after


def test_everything_goes_on_at_once(built, prepared, capsys):
    built.restore("two")
    with built.catalogue() as catalogue:
        fill(catalogue, 2000)
        before = reading(built, catalogue, prepared.asked)
        tally = under_load(built, catalogue, prepared.asked, 1.0)
        after = reading(built, catalogue, prepared.asked)
    print_readings(before, after, tally, 1 / 60)

    assert tally.errors == []
    assert set(tally.done) == set(Work(built, catalogue, prepared.asked).kinds())
    assert before.fragments >= 2000
    assert min(after.table_bytes, after.index_bytes, after.connections) > 0
    assert len(tally.memory) == N_PARTS
    assert all(min(each.server_bytes, each.own_bytes) > 0 for each in (before.memory, *tally.memory, after.memory))
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()[-2:]] == ["0", "0"]
