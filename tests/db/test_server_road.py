"""A PostgreSQL of one's own, over TCP with a password, by a role that is no superuser."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from songradar.db import embedded
from songradar.ml.audio import read_audio
from tests import synth
from tests.toy_encoder import write_toy_encoder


def control(server, *arguments: str) -> None:
    embedded._run([str(embedded.program("pg_ctl")), "-w", "-D", str(server.pgdata), *arguments], server.system_user)


@pytest.fixture(scope="module")
def tcp_url() -> Iterator[str]:
    """The URL of the database `music`, owned by role dj, which has pgvector but not songradar's schema."""
    folder = Path(tempfile.mkdtemp(prefix="songradar-tcp-"))
    server = embedded._server(folder / "data")
    server.ensure_pgdata_inited()
    server.ensure_postgres_running()
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE ROLE dj LOGIN PASSWORD 'turntable'")
        connection.execute("CREATE DATABASE music OWNER dj")
    with psycopg.connect(server.get_uri("music"), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    control(server, "stop", "-m", "fast")
    (folder / "data" / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    port = free_port()
    addresses = f"-h 127.0.0.1 -p {port} -k {folder / 'data'}"
    control(server, "start", "-l", str(folder / "data" / "log"), "-o", addresses)
    yield f"postgresql://dj:turntable@127.0.0.1:{port}/music"
    control(server, "stop", "-m", "fast")
    shutil.rmtree(folder)


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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
