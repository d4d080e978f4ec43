"""Workers of the farm that are killed at any moment: others go on, nothing is lost, and nothing is done twice."""

import signal
import subprocess
import sys
import time

import psycopg
import pytest

from songradar import Catalogue
from songradar.farm.giving import enqueue
from tests import synth

N_SONGS, SONG_S = 150, 4.0
KILLS = 10
PATIENCE_S = 120

WORK = """
import sys
from songradar import Catalogue
from songradar.farm.work import WorkOptions, work
with Catalogue.open() as catalogue:
    for outcome in work(catalogue, WorkOptions(concurrency=2, drain=True, silent_s=2.0)):
        print(outcome.outcome, flush=True)
"""
OUTCOMES = "SELECT coalesce(outcome, state), count(*) FROM songradar.farm_v1 GROUP BY 1"
FAILURES = "SELECT source, reason FROM songradar.farm_v1 WHERE state = 'failed'"
FRAGMENTS = """
    SELECT count(*), (SELECT count(*) FROM songradar.songs), (SELECT count(*) FROM songradar.encodings)
      FROM songradar.fragments
     GROUP BY song_id
"""


@pytest.fixture
def songs(tmp_path, rng):
    for number in range(N_SONGS):
        synth.write_wav(tmp_path / f"{number:03}.wav", synth.melody(rng, SONG_S, 8000), 8000)
    return tmp_path


def started() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WORK], stdout=subprocess.PIPE, text=True)


def test_workers_killed_at_ten_moments_lose_nothing_and_do_nothing_twice(database, songs, rng):
    """Two work at once; of each, a few outcomes are heard before it is killed, so that its moments are in its work."""
    with Catalogue.open() as catalogue:
        assert all(one.state == "enqueued" for one in enqueue(catalogue, [songs]))
    told = []
    working = [started(), started()]
    for kill in range(KILLS):
        victim = working[kill % 2]
        told += [victim.stdout.readline() for _ in range(int(rng.integers(1, 8)))]
        time.sleep(rng.uniform(0, 0.05))
        victim.send_signal(signal.SIGKILL)
        told += victim.communicate()[0].splitlines()
        working[kill % 2] = started()
    ended = [(process.communicate(timeout=PATIENCE_S), process.returncode) for process in working]
    with psycopg.connect(database) as connection:
        outcomes = dict(connection.execute(OUTCOMES).fetchall())
        failures = connection.execute(FAILURES).fetchall()
        rows = connection.execute(FRAGMENTS).fetchall()
        jobs = connection.execute("SELECT count(*) FROM songradar_farm.procrastinate_jobs").fetchone()

    assert [code for _, code in ended] == [0, 0]
    assert "" not in told, "every victim had begun"
    assert failures == []
    assert set(outcomes) <= {"added", "already there"}
    assert sum(outcomes.values()) == N_SONGS
    assert outcomes.get("already there", 0) <= 2 * KILLS  # stored, and killed before that was written down
    assert rows == [(7, N_SONGS, N_SONGS)] * N_SONGS
    assert jobs == (0,)
