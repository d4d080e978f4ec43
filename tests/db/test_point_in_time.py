"""The embedded server goes back to before an accident, by a base backup and archived WAL, as docs/server.md tells."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from songradar.db import embedded
from songradar.db.embedded import program, running_url


@pytest.fixture
def archive():
    """A folder that the server, which may be another user, can write to."""
    folder = Path(tempfile.mkdtemp(prefix="songradar-archive-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def ask(home: Path, statement: str):
    with psycopg.connect(running_url(home), autocommit=True) as connection:
        return connection.execute(statement).fetchall()


def wait_until_archived(home: Path, wal: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        [(last,)] = ask(home, "SELECT last_archived_wal FROM pg_stat_archiver")
        if last is not None and last >= wal:
            return
        time.sleep(0.1)
    raise AssertionError(f"{wal} was not archived")


def test_catalogue_before_an_accident(home, archive, run, music, toy_folder, monkeypatch):
    run("encoders", "add", toy_folder)
    run("encoders", "use", "toy")
    run("ingest", music["Amber"])
    begin_to_archive(home, archive, run)
    backup = archive / "base"
    subprocess.run([program("pg_basebackup"), "-d", running_url(home), "-D", backup, "-c", "fast"], check=True)

    run("ingest", music["Birch"])
    ask(home, "SELECT pg_create_restore_point('before_the_accident')")
    for number in (1, 2):
        assert run("songs", "remove", number, "--yes").exit_code == 0
    [(wal,)] = ask(home, "SELECT pg_walfile_name(pg_switch_wal())")
    wait_until_archived(home, wal)
    run("db", "stop")

    second = going_back(home, archive, backup)
    monkeypatch.setenv("SONGRADAR_HOME", str(second))
    try:
        answer = run("search", "--json", music["Birch"])
        assert answer.exit_code == 0
        assert '"title": "Birch"' in answer.stdout
        assert run("db", "verify").exit_code == 0
        assert run("ingest", music["Cedar"]).exit_code == 0, "the server takes new songs again"
        assert ask(second, "SELECT title FROM songradar.songs ORDER BY id") == [("Amber",), ("Birch",), ("Cedar",)]
    finally:
        embedded.stop(second)


def begin_to_archive(home: Path, archive: Path, run) -> None:
    with (home / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write(f"archive_mode = on\narchive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f'\n")
    run("db", "stop")
    run("status")


def going_back(home: Path, archive: Path, backup: Path) -> Path:
    """A data directory whose server goes back to before the accident when it starts."""
    second = archive / "second"
    second.mkdir()
    shutil.copytree(backup, second / "postgres")
    owner = (home / "postgres").stat()
    for path in (second / "postgres", *(second / "postgres").rglob("*")):
        shutil.chown(path, owner.st_uid, owner.st_gid)
    (second / "postgres" / "recovery.signal").touch()
    with (second / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write(
            "archive_mode = off\n"
            f"restore_command = 'cp {archive}/%f %p'\n"
            "recovery_target_name = 'before_the_accident'\n"
            "recovery_target_action = 'promote'\n"
        )
    return second
