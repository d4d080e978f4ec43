"""A PostgreSQL of one's own, over TCP with a password, by a role that is no superuser."""

from collections.abc import Iterator

import pytest

from songradar.ml.audio import read_audio
from tests import synth
from tests.db.servers import over_tcp
from tests.toy_encoder import write_toy_encoder


@pytest.fixture(scope="module")
def tcp_url() -> Iterator[str]:
    """The URL of the database `music`, owned by role dj, which has pgvector but not songradar's schema."""
    with over_tcp("dj", "turntable", "music") as url:
        yield url


@pytest.fixture
def server_road(tcp_url, monkeypatch) -> str:
    monkeypatch.setenv("DATABASE_URL", tcp_url)
    return tcp_url


def test_schema_comes_only_on_request_and_then_everything_works(server_road, run, music, tmp_path):
    refused = run("status")
    upgraded = run("db", "upgrade")
    run("encoders", "add", write_toy_encoder(tmp_path / "toy"))
    ingested = run("ingest", music["Amber"].parent)
    clip = synth.write_wav(tmp_path / "clip.wav", synth.cut(read_audio(music["Birch"], synth.RATE_HZ), 4.0, 5.0))
    named = run("search", clip)

    assert refused.exit_code == 2
    assert "run songradar db upgrade" in refused.stderr
    assert upgraded.exit_code == 0
    assert "3 added" in ingested.stdout
    assert "Birch by The Trees (from 0:04" in named.stdout


def test_wrong_password_is_one_sentence(server_road, run, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", server_road.replace("turntable", "gramophone"))
    result = run("status")

    assert result.exit_code == 2
    assert result.stderr.startswith("songradar: DATABASE_URL: ")
    assert "password authentication failed" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_server_that_is_not_ours_is_not_stopped(server_road, run):
    result = run("db", "stop")

    assert result.exit_code == 2
    assert "does not stop a server that is not its own" in result.stderr


def test_psql_is_told_the_right_database(server_road, run):
    url = run("db", "psql", "--url").stdout.strip()

    assert url == server_road
