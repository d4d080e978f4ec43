"""What is no whole backup is refused, and a restore never costs what was there."""

import json
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from songradar.db import schema
from songradar.db.backup import DUMP, MANIFEST, _restore, opened, restore
from songradar.db.connection import HEAD
from songradar.db.errors import BackupUnusable, DatabaseError
from tests import reach
from tests.db.backups import SONG, changed, held
from tests.reach import connect

RESTORING = """
    SELECT FROM pg_stat_activity
     WHERE application_name = 'songradar' AND datname = current_database() AND query LIKE '%pg_try_advisory_lock%'
"""
RELATIONS = "SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace('songradar') ORDER BY 1"


def test_catalogue_that_holds_anything_is_left_alone(backup_file, database):
    before = held(database)

    with pytest.raises(
        BackupUnusable, match=r"the catalogue holds songs \(20\), searches \(1\), scans \(1\), encoders \(1\)"
    ):
        restore(reach.server(), backup_file)
    assert held(database) == before


@pytest.mark.parametrize("damage", ["truncated", "garbage", "missing", "bytes", "other archive"])
def test_file_that_is_no_whole_backup_is_refused(backup_file, other_database, damage):
    content = bytearray(backup_file.read_bytes())
    if damage == "truncated":
        backup_file.write_bytes(content[: len(content) // 2])
    elif damage == "garbage":
        backup_file.write_bytes(b"garbage")
    elif damage == "missing":
        backup_file.unlink()
    elif damage == "bytes":
        content[len(content) // 2] ^= 0xFF
        backup_file.write_bytes(content)
    else:
        with zipfile.ZipFile(backup_file, "w") as archive:
            archive.writestr("letter.txt", "Dear")

    with pytest.raises(BackupUnusable, match="catalogue.songradar: (is no backup|is damaged|does not exist)"):
        restore(reach.server(), backup_file)
    assert schema.current(reach.server()) is None


def test_backup_of_a_newer_schema_is_refused(backup_file, other_database):
    with pytest.raises(BackupUnusable, match="29991231_future, which takes a newer songradar"):
        restore(reach.server(), changed(backup_file, revision="29991231_future"))
    assert schema.current(reach.server()) is None


def test_what_came_is_compared_with_what_was_promised(backup_file, other_database):
    tables = json.loads(zipfile.ZipFile(backup_file).read(MANIFEST))["tables"]
    tables["fragments"]["checksum"] = "1"

    with pytest.raises(BackupUnusable, match=r"what came is not what it says it holds \(800 fragments\)"):
        restore(reach.server(), changed(backup_file, tables=tables))
    assert schema.current(reach.server()) is None


def test_catalogue_that_is_filled_while_a_restore_waits_is_left_alone(backup_file, other_database):
    schema.upgrade(reach.server())
    with ThreadPoolExecutor(1) as pool, psycopg.connect(other_database, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [schema.LOCK])
        restoring = pool.submit(restore, reach.server(), backup_file)
        while not connection.execute(RESTORING).fetchall():
            time.sleep(0.02)
        connection.execute(SONG)
        connection.execute("SELECT pg_advisory_unlock(%s)", [schema.LOCK])

        with pytest.raises(BackupUnusable, match=r"the catalogue holds songs \(1\)"):
            restoring.result()
        assert connection.execute("SELECT title FROM songradar.songs").fetchall() == [("Late",)]


@pytest.mark.parametrize(
    "foreign",
    [
        "CREATE SCHEMA songradar; CREATE TABLE songradar.songs (note text); INSERT INTO songradar.songs VALUES ('x')",
        "CREATE SCHEMA songradar; CREATE TABLE songradar.notes (note text)",
    ],
)
def test_what_others_keep_in_a_schema_of_that_name_is_left_alone(backup_file, other_database, foreign):
    with psycopg.connect(other_database, autocommit=True) as connection:
        connection.execute(foreign)
        before = connection.execute(RELATIONS).fetchall()
        with pytest.raises(BackupUnusable, match="the schema songradar holds"):
            restore(reach.server(), backup_file)
        after = connection.execute(RELATIONS).fetchall()

    assert after == before


def test_views_of_others_on_an_empty_catalogue_are_left_alone(backup_file, other_database):
    schema.upgrade(reach.server())
    with psycopg.connect(other_database, autocommit=True) as connection:
        connection.execute("CREATE VIEW public.mine AS SELECT title FROM songradar.songs_v1")

        with pytest.raises(DatabaseError, match="cannot drop .* because other objects depend on it"):
            restore(reach.server(), backup_file)
        assert connection.execute("SELECT * FROM public.mine").fetchall() == []
    assert schema.current(reach.server()) == HEAD


def test_restore_that_fails_leaves_the_empty_catalogue_it_found(backup_file, other_database):
    schema.upgrade(reach.server())
    tables = json.loads(zipfile.ZipFile(backup_file).read(MANIFEST))["tables"]
    tables["songs"]["checksum"] = "1"

    with pytest.raises(BackupUnusable):
        restore(reach.server(), changed(backup_file, tables=tables))
    assert schema.current(reach.server()) == HEAD


def test_dump_that_pg_restore_cannot_read_is_named_as_that(backup_file, other_database):
    broken = backup_file.with_name("broken")
    with zipfile.ZipFile(backup_file) as old, zipfile.ZipFile(broken, "w") as new:
        new.writestr(MANIFEST, old.read(MANIFEST))
        new.writestr(DUMP, bytes(5 << 20))

    with pytest.raises(BackupUnusable, match="broken: cannot be restored: .*not appear to be a valid"):
        restore(reach.server(), broken)
    assert schema.current(reach.server()) is None


def test_restore_that_fails_at_its_beginning_ends_and_says_why(backup_file, other_database):
    restore(reach.server(), backup_file)
    with (
        connect() as connection,
        opened(backup_file) as (manifest, archive),
        archive.open(DUMP) as dump,
        pytest.raises(DatabaseError, match="^(?!ERROR).*already exists$"),
    ):
        _restore(reach.server(), connection, dump, manifest)
    assert held(other_database).tables == manifest.tables


def test_fault_that_is_not_the_files_is_not_blamed_on_it(backup_file):
    with pytest.raises(FileNotFoundError), opened(backup_file):
        (backup_file.parent / "nowhere").read_bytes()
