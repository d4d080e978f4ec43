"""A backup is made whole or not at all, and never costs what was there."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from songradar.db.backup import backup
from songradar.db.errors import BackupUnusable
from tests import reach


def test_backup_that_cannot_be_written_leaves_nothing(database, tmp_path):
    with pytest.raises(BackupUnusable, match="cannot be written"):
        backup(reach.server(), tmp_path / "nowhere" / "file")
    assert list(tmp_path.iterdir()) == []


def test_file_that_is_there_is_left_alone(backup_file):
    before = backup_file.read_bytes()

    with pytest.raises(BackupUnusable, match="is there already"):
        backup(reach.server(), backup_file)
    assert backup_file.read_bytes() == before


def test_link_to_nowhere_is_left_alone(database, tmp_path):
    (tmp_path / "file").symlink_to(tmp_path / "nowhere")

    with pytest.raises(BackupUnusable, match="is there already"):
        backup(reach.server(), tmp_path / "file")
    assert (tmp_path / "file").is_symlink()


def test_file_that_appears_meanwhile_is_left_alone(database, tmp_path):
    target = tmp_path / "file"
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE songradar.matches")
        made = pool.submit(backup, reach.server(), target)
        wait_for_waiting(database)
        target.write_bytes(b"mine")
        connection.rollback()

        with pytest.raises(BackupUnusable, match="is there already"):
            made.result()
    assert target.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [target]


def wait_for_waiting(url):
    with psycopg.connect(url, autocommit=True) as connection:
        while not connection.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall():
            pass
