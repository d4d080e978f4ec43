"""The embedded server: started by whoever needs it, shared, private, and none the worse for a kill."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from songradar.db import embedded, schema
from songradar.db.connection import HEAD, revision
from songradar.db.errors import ServerUnreachable
from tests import reach
from tests.db.servers import owner, postmaster, wait_until_gone
from tests.reach import connect

CONNECT = """
from songradar import Catalogue
with Catalogue.open() as catalogue, catalogue.connection() as connection:
    print(connection.execute("SELECT pg_postmaster_start_time()").fetchone())
"""


def test_first_connection_creates_server_database_and_schema(home):
    with connect() as connection:
        assert revision(connection) == HEAD
        assert connection.execute("SELECT current_database()").fetchone() == ("songradar",)
    assert reach.server().is_embedded


def test_server_stays_for_the_next_command_and_stops_when_told(home):
    connect().close()
    first = postmaster(home)
    connect().close()
    second = postmaster(home)

    assert first == second
    assert embedded.stop(home)
    assert not embedded.stop(home)


def test_processes_that_start_at_once_share_one_server(home):
    starting = [subprocess.Popen([sys.executable, "-c", CONNECT], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {process.communicate(timeout=120)[0] for process in starting}

    assert [process.returncode for process in starting] == [0] * 4
    assert len(said) == 1


def test_holder_of_the_lock_that_is_killed_leaves_no_lock(home):
    hold = (
        "import time; from pathlib import Path; from songradar.db import embedded\n"
        f"with embedded._locked(Path({str(home)!r})): print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGKILL)

    connect().close()


def test_killed_server_is_started_again(home):
    connect().close()
    pid = postmaster(home)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)

    connect().close()

    assert postmaster(home) != pid


def test_pid_file_that_names_another_program_is_no_obstacle(home):
    connect().close()
    file = home / "postgres" / "postmaster.pid"
    left_behind = file.read_text().replace(str(postmaster(home)), str(os.getpid()), 1)
    embedded.stop(home)
    file.write_text(left_behind)
    shutil.chown(file, *owner(home / "postgres"))

    connect().close()

    assert postmaster(home) != os.getpid()


def test_stopping_a_server_that_was_killed_is_quiet(home, capfd):
    connect().close()
    pid = postmaster(home)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)

    assert embedded.stop(home) is False
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root's server is another user")
def test_private_folders_above_the_data_are_not_opened_for_reading(home, monkeypatch):
    private = home / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setenv("SONGRADAR_HOME", str(private / "data"))
    connect().close()
    embedded.stop(private / "data")

    assert private.stat().st_mode & 0o777 == 0o711


def test_half_made_cluster_is_made_anew(home):
    (home / "postgres.unfinished").mkdir(parents=True)
    (home / "postgres.unfinished" / "PG_VERSION").write_text("18\n")

    connect().close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="becoming another user takes root")
def test_nobody_else_on_the_machine_can_connect(home):
    connect().close()
    folder = home / "postgres"
    folder.chmod(0o755)  # even where the folder were open, and the socket too
    (folder / ".s.PGSQL.5432").chmod(0o777)
    psql = embedded.program("psql")
    attempt = subprocess.run(
        [psql, embedded.running_url(home), "-c", "SELECT 1"], user="nobody", capture_output=True, text=True, cwd="/"
    )
    folder.chmod(0o700)

    assert attempt.returncode == 2
    assert "Peer authentication failed" in attempt.stderr


def test_data_directory_that_cannot_be_used_is_named(monkeypatch, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SONGRADAR_HOME", str(file))

    with pytest.raises(ServerUnreachable, match=f"{file} cannot be used"):
        connect()


def test_older_embedded_schema_upgrades_itself(home):
    connect().close()
    schema.downgrade(reach.server(), "base")

    with connect() as connection:
        assert revision(connection) == HEAD


def test_embedded_server_listens_on_no_network_address(home):
    with connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_server_that_cannot_start_says_why(home):
    connect().close()
    embedded.stop(home)
    with (home / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("shared_buffers = nonsense\n")

    with pytest.raises(ServerUnreachable, match="does not start.*shared_buffers"):
        connect()


def test_urls_survive_odd_folder_names(monkeypatch):
    folder = Path(tempfile.mkdtemp(prefix="song radar & co %"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SONGRADAR_HOME", str(folder))
    try:
        with psycopg.connect(embedded.start(folder)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder)


def test_files_of_another_postgresql_are_left_alone_and_it_is_said_how_to_move(home):
    connect().close()
    embedded.stop(home)
    version = home / "postgres" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(ServerUnreachable, match="PostgreSQL 17 made it, and this songradar has 18.*db backup FILE"):
        connect()
    version.write_text("18\n")

    connect().close()
