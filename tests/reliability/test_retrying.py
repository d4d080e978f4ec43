"""A server that goes away is waited for, and what that broke off is done again."""

import os
import signal
from functools import partial

import psycopg
import pytest

from songradar import Catalogue
from songradar.db import embedded, retrying
from songradar.db.errors import ServerUnreachable
from songradar.ingest import IngestOptions, ingest
from tests.reliability import audit
from tests.reliability.failover import either, fail_over, kill_all, standby
from tests.reliability.house import House, in_the_way
from tests.reliability.jobs import N_SONGS
from tests.reliability.outages import restart


def kill_a_backend(built: House) -> None:
    with built.outside() as admin:
        os.kill(in_the_way(admin, embedded.DATABASE)[0], signal.SIGKILL)


def ingested(catalogue: Catalogue, built: House, happening: dict) -> list[str]:
    """Outcomes of an ingestion in which something happens after some of the songs, by their number."""
    catalogue.host, outcomes = "here", []
    for outcome in ingest(catalogue, built.songs / "kept", IngestOptions(workers=1)):
        outcomes.append(outcome.outcome)
        happening.get(outcome.number, lambda _built: None)(built)
    return outcomes


def test_ingestion_outlasts_restarts_and_crashes(built):
    built.restore("full")
    whole = audit.contents(built)
    built.restore("empty")
    happening = {2: partial(restart, how="fast"), 4: partial(restart, how="immediate"), 6: kill_a_backend, 8: kill_all}
    with built.catalogue() as catalogue:
        outcomes = ingested(catalogue, built, happening)

    assert outcomes == ["added"] * N_SONGS
    assert audit.contents(built) == whole


def test_ingestion_goes_on_at_the_standby_that_takes_over(built):
    built.restore("full")
    whole = audit.contents(built)
    built.restore("empty")
    with standby(built) as twin:
        with Catalogue.open(either(built, twin)) as catalogue:
            outcomes = ingested(catalogue, built, {4: partial(fail_over, twin=twin)})

        assert outcomes == ["added"] * N_SONGS
        assert audit.contents(twin) == whole


def test_embedded_server_that_was_stopped_on_purpose_is_not_started(built):
    built.restore("empty")
    with built.catalogue() as catalogue, pytest.raises(ServerUnreachable, match="was stopped meanwhile$"):
        ingested(catalogue, built, {1: lambda built: embedded.stop(built.home)})

    assert embedded.running_url(built.home) is None
    assert sum(name.startswith("toy of ") for name in audit.contents(built)) == 1


def test_server_that_stays_away_is_given_up(built):
    built.restore("empty")
    with Catalogue.open(built.server.url, wait_s=0.2) as catalogue, pytest.raises(ServerUnreachable, match="^url: "):
        ingested(catalogue, built, {1: lambda built: embedded.stop(built.home)})


def test_statement_that_ends_the_server_each_time_is_not_tried_for_ever(built):
    built.restore("empty")
    pids = []

    def end(connection: psycopg.Connection) -> None:
        pids.append(connection.info.backend_pid)
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with built.catalogue() as catalogue, pytest.raises(psycopg.errors.AdminShutdown):
        catalogue.retrying(end)
    assert len(set(pids)) == retrying.ATTEMPTS
