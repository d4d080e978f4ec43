"""Behind pgbouncer in transaction mode, where each transaction may get another session."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from songradar import Catalogue
from songradar.identify import identify
from songradar.ingest import ingest

PGBOUNCER = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"

pytestmark = pytest.mark.skipif(not Path(PGBOUNCER).exists(), reason="needs pgbouncer")


@pytest.fixture
def pooled(database, server) -> Iterator[str]:
    """The URL of the test's database through pgbouncer, which has two sessions for all."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="songradar-pgbouncer-"))
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    (folder / "users.txt").write_text('"postgres" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{name} = host={server.home / 'postgres'} port=5432 user=postgres\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"auth_file = {folder / 'users.txt'}\npool_mode = transaction\ndefault_pool_size = 2\n"
    )
    folder.chmod(0o755)
    owner = (server.home / "postgres").stat().st_uid
    with (
        server.access(f"local {name} postgres trust"),
        subprocess.Popen([PGBOUNCER, str(folder / "pgbouncer.ini")], stderr=subprocess.DEVNULL, user=owner) as process,
    ):
        url = f"postgresql://postgres@127.0.0.1:{port}/{name}"
        for _ in range(100):
            try:
                psycopg.connect(url).close()
                break
            except psycopg.OperationalError:
                time.sleep(0.05)
        yield url
        process.terminate()
    shutil.rmtree(folder)


def test_search_ingestion_and_songs_work_and_leave_no_setting_behind(pooled, music, run, monkeypatch):
    with Catalogue.open(pooled) as catalogue:
        outcomes = [event.outcome for event in ingest(catalogue, music.values())]
        titles = [identify(catalogue, path).matches[0].title for path in list(music.values()) * 6]
    monkeypatch.setenv("DATABASE_URL", pooled)
    listed, found = run("songs", "list"), run("search", music["Cedar"])
    with psycopg.connect(pooled) as connection:
        settings = connection.execute(
            "SELECT current_setting('search_path'), current_setting('lock_timeout'), current_setting('jit')"
        ).fetchone()

    assert outcomes == ["added"] * 3
    assert titles == list(music) * 6
    assert (listed.exit_code, found.exit_code) == (0, 0)
    assert settings[:2] == ('"$user", public', "0")


@pytest.mark.parametrize(
    "command", [("db", "reindex"), ("db", "upgrade"), ("encoders", "remove", "toy", "--yes"), ("db", "backup", "file")]
)
def test_upkeep_says_that_it_needs_postgresql_itself(pooled, run, monkeypatch, command, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", pooled)
    result = run(*command)

    assert result.exit_code == 2
    assert "a connection pooler answers here, and this command needs PostgreSQL itself" in result.stderr
