"""A primary and a standby that has each change before it counts: the primary is killed, and nothing is lost."""

import os
import threading

import pytest

from songradar import Catalogue
from songradar.db import embedded
from songradar.db.search import Question, find_matches
from songradar.ingest import IngestOptions, ingest
from tests.reliability import audit
from tests.reliability.failover import both, either, kill_all, standby
from tests.reliability.jobs import N_SONGS

SYNCHRONOUS = "ALTER SYSTEM SET synchronous_standby_names = '*'"
"""Of the primary alone: its copy takes over, and must not wait for one of its own."""


class Searching(threading.Thread):
    """Searches all the time, and writes down what went wrong."""

    def __init__(self, catalogue, asked) -> None:
        super().__init__()
        self._catalogue, self._asked = catalogue, asked
        self.stopping, self.n, self.errors = threading.Event(), 0, []

    def run(self) -> None:
        encoder = self._catalogue.encoder(to_search=True)
        while not self.stopping.is_set():
            heard = self._asked[encoder.name][self.n % 10]
            question = Question(encoder.id, heard.embeddings, heard.offsets_s, limit=1)
            try:
                with self._catalogue.searching() as connection:
                    find_matches(connection, question)
            except Exception as error:
                self.errors.append(error)
            self.n += 1


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_primary_is_killed_and_nothing_is_lost(built, prepared):
    """Ingestion goes on at the standby that takes over, and searches never noticed."""
    built.restore("full")
    whole = audit.contents(built)
    built.restore("empty")
    outcomes = []
    with standby(built) as twin:
        with built.outside() as admin:
            admin.execute(SYNCHRONOUS)
            admin.execute("SELECT pg_reload_conf()")
        with Catalogue.open(
            either(built, twin), read_url=f"{both(built, twin)}&target_session_attrs=prefer-standby"
        ) as catalogue:
            catalogue.host = "here"
            searching = Searching(catalogue, prepared.asked)
            for outcome in ingest(catalogue, built.songs / "kept", IngestOptions(workers=1)):
                outcomes.append(outcome.outcome)
                if outcome.number == 2:
                    searching.start()
                if outcome.number == 5:
                    kill_all(built)
                    twin.control("promote")
            searching.stopping.set()
            searching.join()
        found = audit.contents(twin)
    embedded.start(built.home)
    with built.outside() as admin:
        admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
        admin.execute("SELECT pg_reload_conf()")

    assert outcomes == ["added"] * N_SONGS
    assert found == whole
    assert searching.errors == []
    assert searching.n > 10
