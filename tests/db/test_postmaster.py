"""What a kill, a power cut, a copy or a full disk leaves behind in a data directory, and that it heals or is named."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import psutil
import psycopg
import pytest

from songradar.db import embedded, schema
from songradar.db.errors import ServerUnreachable
from tests import reach
from tests.db.servers import owner, postmaster, wait_until_gone
from tests.reach import connect

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
PR_SET_CHILD_SUBREAPER = 36
"""From Linux's prctl.h: orphans below this process become its children, as PID 1's in a container do."""


@pytest.fixture
def killed(home):
    """The data directory of a server that was killed, and its number in the files."""
    connect().close()
    pid = postmaster(home)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    return home / "postgres"


@pytest.fixture
def foreign(home) -> Iterator[int]:
    """The number of a living process of the server's user that is no server."""
    connect().close()
    user, _ = owner(home / "postgres")
    with subprocess.Popen(["sleep", "600"], user=user if IS_ROOT else None) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def unburied() -> Iterator[None]:
    """Processes whose parents have ended stay zombies after their death, as in a container without init."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0)
    for child in psutil.Process().children():
        if child.status() == psutil.STATUS_ZOMBIE:
            os.waitpid(child.pid, 0)


def test_copy_of_a_running_data_directory_is_a_catalogue_of_its_own(home, tmp_path, monkeypatch, run):
    connect().close()
    copy = home.with_name(f"{home.name}-copy")
    subprocess.run(["cp", "-a", home, copy], check=True)
    try:
        monkeypatch.setenv("SONGRADAR_HOME", str(copy))
        with connect() as connection:
            assert connection.execute("SHOW data_directory").fetchone() == (str(copy / "postgres"),)
        assert str(copy / "postgres") in run("status").stdout
        schema.downgrade(reach.server(), "base")
        assert embedded.stop(copy)

        monkeypatch.setenv("SONGRADAR_HOME", str(home))
        assert schema.current(reach.server()) is not None
        assert not embedded.stop(copy)
        assert embedded.running_url(home) is not None
    finally:
        embedded.stop(copy)
        shutil.rmtree(copy)


def test_data_directory_that_is_moved_under_its_server_is_followed(home, monkeypatch):
    connect().close()
    moved = home.with_name(f"{home.name}-moved")
    home.rename(moved)
    try:
        monkeypatch.setenv("SONGRADAR_HOME", str(moved))
        with connect() as connection:
            assert connection.execute("SHOW data_directory").fetchone() == (str(moved / "postgres"),)
    finally:
        embedded.stop(moved)
        moved.rename(home)


@pytest.mark.parametrize("content", [b"", b"garbage\n", b"-1\n", b"\0" * 80], ids=["empty", "garbage", "-1", "zeros"])
def test_pid_file_that_makes_no_sense_is_no_obstacle(killed, home, content, run):
    (killed / "postmaster.pid").write_bytes(content)
    (killed / ".s.PGSQL.5432.lock").write_bytes(content)

    assert run("db", "stop").stdout == "was not running\n"

    (killed / "postmaster.pid").write_bytes(content)
    connect().close()


def test_pid_file_that_is_damaged_under_a_running_server_is_made_anew(home):
    connect().close()
    first = postmaster(home)
    (home / "postgres" / "postmaster.pid").write_bytes(b"")

    connect().close()

    assert postmaster(home) != first


def test_number_taken_by_another_program_in_both_files_is_no_obstacle(home, foreign):
    cluster, pid = home / "postgres", postmaster(home)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        (cluster / name).write_text((cluster / name).read_text().replace(str(pid), str(foreign), 1))

    connect().close()

    assert postmaster(home) not in (pid, foreign)


@pytest.mark.skipif(sys.platform != "linux", reason="subreapers are Linux's")
def test_server_that_was_killed_and_that_nobody_buried_is_started_again(unburied, home):
    connect().close()
    pid = postmaster(home)
    os.kill(pid, signal.SIGKILL)
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        pass

    connect().close()

    assert postmaster(home) != pid
    assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_lock_of_another_server_in_a_common_folder_of_sockets_is_left_alone(home, tmp_path):
    from songradar.db.postmaster import remove_stale_files

    for name in ("ours", "theirs", "sockets"):
        (tmp_path / name).mkdir()
    locks = {name: tmp_path / "sockets" / f".s.PGSQL.{port}.lock" for port, name in enumerate(("ours", "theirs"), 5432)}
    for name, lock in locks.items():
        lock.write_text(f"1234\n{tmp_path / name}\n1\n5432\n")

    remove_stale_files(tmp_path / "ours", tmp_path / "sockets")

    assert [lock.exists() for lock in locks.values()] == [False, True]


def test_commands_wait_while_the_server_recovers_from_the_death_of_a_process(home):
    for _ in range(4):
        with psycopg.connect(embedded.start(home), autocommit=True) as connection:
            (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
            os.kill(pid, signal.SIGKILL)
        connect().close()


def test_server_that_does_not_stop_when_asked_is_stopped(home, monkeypatch):
    """One that has just lost a process does not: it waits for what will never end."""
    monkeypatch.setattr("songradar.db.postmaster.SHUTDOWN_S", 2)
    with psycopg.connect(embedded.start(home), autocommit=True) as connection:
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        os.kill(pid, signal.SIGKILL)

    assert embedded.stop(home)
    assert not embedded.stop(home)
    connect().close()


def test_reason_is_that_of_this_start_not_of_an_earlier_one(killed):
    connect().close()
    embedded.stop(killed.parent)
    killed.chmod(0o777)
    try:
        with pytest.raises(ServerUnreachable) as refused:
            connect()
    finally:
        killed.chmod(0o700)

    assert "has invalid permissions; Permissions should be" in str(refused.value)
    assert "ready" not in str(refused.value)


@pytest.mark.skipif(not IS_ROOT, reason="giving files away takes root")
def test_wrong_owner_is_named(killed):
    mine = owner(killed)
    os.chown(killed, 12345, 12345)
    try:
        with pytest.raises(ServerUnreachable, match="Permission denied|wrong ownership"):
            connect()
    finally:
        os.chown(killed, *mine)


@pytest.mark.skipif(not IS_ROOT or sys.platform != "linux", reason="mounting takes root")
def test_full_disk_is_named_and_nothing_of_a_first_start_remains(home):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", home], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with pytest.raises(ServerUnreachable, match="does not start.*No space left on device"):
            connect()
        assert not (home / "postgres").exists()
    finally:
        subprocess.run(["umount", home], check=True)


@pytest.mark.skipif(not IS_ROOT or sys.platform != "linux", reason="mounting takes root")
def test_disk_that_fills_up_later_is_named(home):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "none", home], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        connect().close()
        os.kill(postmaster(home), signal.SIGKILL)  # so that the next start has a log to replay, and says where it ends
        with (home / "filler").open("wb", buffering=0) as filler:
            while True:
                try:
                    filler.write(bytes(4096))
                except OSError:
                    break
        with pytest.raises(ServerUnreachable, match="No space left on device") as refused:
            connect()
        assert "invalid record length" not in str(refused.value)
        (home / "filler").unlink()
        connect().close()
    finally:
        embedded.stop(home)
        subprocess.run(["umount", home], check=True)


def test_backend_that_is_busy_after_its_server_was_killed_is_ended(home):
    with closing(connect()) as busy:
        busy.pgconn.send_query(b"DO $$ BEGIN LOOP NULL; END LOOP; END $$")
        pid = postmaster(home)
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
        connect().close()

        wait_until_gone(busy.info.backend_pid)


@pytest.mark.skipif(sys.platform == "win32", reason="sockets of files are not Windows'")
def test_server_that_answers_but_cannot_be_seen_is_left_alone(killed):
    """As in another container that has the same folder."""
    files = [killed / "postmaster.pid", killed / ".s.PGSQL.5432.lock"]
    (killed / ".s.PGSQL.5432").unlink()
    with socket.socket(socket.AF_UNIX) as elsewhere:
        elsewhere.bind(str(killed / ".s.PGSQL.5432"))
        elsewhere.listen()
        for act in (embedded.start, embedded.stop):
            with pytest.raises(ServerUnreachable, match="cannot be seen from here"):
                act(killed.parent)

    assert all(file.exists() for file in files)


@pytest.mark.skipif(not IS_ROOT or shutil.which("setpriv") is None, reason="giving up a right takes root and setpriv")
@pytest.mark.parametrize("act", ["start", "stop"])
def test_root_that_may_not_trace_processes_finds_its_server(act, home):
    """As root in a container, whose server is another user's."""
    connect().close()
    first = postmaster(home)
    command = f"from pathlib import Path; from songradar.db import embedded; print(embedded.{act}(Path({str(home)!r})))"
    without_right = ["setpriv", "--bounding-set", "-sys_ptrace", sys.executable, "-c", command]
    said = subprocess.run(without_right, check=True, capture_output=True, text=True).stdout.strip()

    if act == "stop":
        assert said == "True"
        wait_until_gone(first)
    else:
        assert postmaster(home) == first
        assert said == embedded.running_url(home)


def test_copy_in_a_folder_whose_path_is_too_long_for_a_socket_is_started(home, monkeypatch):
    connect().close()
    longer = home.with_name(f"{home.name}-{'a' * 100}")
    subprocess.run(["cp", "-a", home, longer], check=True)
    try:
        monkeypatch.setenv("SONGRADAR_HOME", str(longer))
        connect().close()
    finally:
        embedded.stop(longer)
        shutil.rmtree(longer)


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("PG_VERSION", "garbage\n", "PG_VERSION.*holds no version"),
        ("postgresql.conf", "a = 'b\n", "syntax error in file .*postgresql.conf"),
    ],
)
def test_damaged_file_is_named(name, damage, reason, killed):
    file = killed / name
    before = file.read_text()
    file.write_text(damage)
    try:
        with pytest.raises(ServerUnreachable, match=reason):
            connect()
    finally:
        file.write_text(before)


def test_initdb_that_fails_says_why(home, monkeypatch):
    monkeypatch.setenv("LC_ALL", "xx_XX.nonsense")

    with pytest.raises(ServerUnreachable, match="does not start: invalid locale"):
        connect()
