"""Damage that is done on purpose is found, and named; what is whole is not complained about."""

import json
import os
from pathlib import Path

import psycopg
import pytest

from songradar.db import embedded
from songradar.db.embedded import running_url


@pytest.fixture
def catalogue(database, run, music):
    """The URL of three songs, encoded by the toy."""
    assert run("ingest", next(iter(music.values())).parent).exit_code == 0
    return database


@pytest.fixture
def embedded_catalogue(home, run, music, toy_folder):
    """The folder of the same, with a server of its own."""
    run("encoders", "add", toy_folder)
    run("encoders", "use", "toy")
    assert run("ingest", next(iter(music.values())).parent).exit_code == 0
    return home


def execute(url: str, statement: str):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


def flip(file: Path, at: int) -> None:
    """Change one bit of a file, and leave its size and time stamp as they were."""
    before = file.stat()
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(bytes(data))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def found(result) -> dict[str, list[str]]:
    lines = map(json.loads, result.stdout.splitlines())
    return {line["check"]: line["faults"] for line in lines}


def test_whole_catalogue(embedded_catalogue, run):
    result = run("db", "verify", "--files")
    assert result.exit_code == 0
    assert "rows: 3 songs, " in result.stdout
    assert "files: 3 of 3 files" in result.stdout
    assert result.stdout.count(": ok\n") == 4


def test_flipped_bits_on_disk(embedded_catalogue, run):
    url = running_url(embedded_catalogue)
    [(toy,)] = execute(url, "SELECT id FROM songradar.encoders WHERE name = 'toy'")
    tables = ["songradar.songs", f"songradar.fragments_{toy}", f"songradar.fragments_{toy}_code_idx"]
    execute(url, "CHECKPOINT")
    files = [execute(url, f"SELECT pg_relation_filepath('{table}')")[0][0] for table in tables]
    embedded.stop(embedded_catalogue)
    for file in files:
        flip(embedded_catalogue / "postgres" / file, 8000)
    result = run("db", "verify", "--json")
    assert result.exit_code == 1, result.output
    faults = found(result)
    assert sorted(faults["pages"]) == sorted(
        f"page 0 of {table} is damaged: its checksum is not that of what it holds" for table in tables
    )
    assert len(faults["rows"]) == 3
    assert all(fault.startswith("PostgreSQL cannot read on: invalid page in block 0") for fault in faults["rows"])


def test_song_that_lost_fragments(catalogue, run):
    execute(catalogue, "DELETE FROM songradar.fragments WHERE song_id = 2 AND position < 3")
    [(n,)] = execute(catalogue, "SELECT n_fragments FROM songradar.encodings WHERE song_id = 2")
    result = run("db", "verify", "--json")
    assert result.exit_code == 1
    assert found(result)["rows"] == [f"song 2: encoder toy has stored {n - 3} fragments of it, and {n} are to be there"]


def test_song_of_which_nothing_is_left(catalogue, run):
    execute(catalogue, "DELETE FROM songradar.fragments WHERE song_id = 1")
    [fault] = found(run("db", "verify", "--json"))["rows"]
    assert fault.startswith("song 1: encoder toy has stored 0 fragments of it")


def test_fragment_behind_the_end_of_its_song(catalogue, run):
    execute(catalogue, "UPDATE songradar.songs SET duration_s = 3 WHERE id = 3")
    [fault] = found(run("db", "verify", "--json"))["rows"]
    assert fault.startswith("song 3: is 3.0 s long, and encoder toy has stored a fragment of it at ")


def test_network_with_another_byte(catalogue, run):
    execute(
        catalogue, "UPDATE songradar.encoders SET onnx = set_byte(onnx, 9, get_byte(onnx, 9) # 1) WHERE name = 'toy'"
    )
    result = run("db", "verify", "--json")
    assert found(result)["rows"] == ["encoder toy: its network is not the one that was added (SHA-256)"]


def test_file_that_rotted(catalogue, run, music):
    flip(music["Birch"], 1000)
    result = run("db", "verify", "--files", "--json")
    assert result.exit_code == 1
    [fault] = found(result)["files"]
    assert fault.startswith(f"{music['Birch'].resolve()}: is damaged")


def test_file_that_was_changed_on_purpose(catalogue, run, music):
    flip(music["Birch"], 1000)
    music["Birch"].touch()
    music["Cedar"].unlink()
    result = run("db", "verify", "--files")
    assert result.exit_code == 0
    assert "files: 1 of 3 files" in result.stdout


def test_unfinished_index(catalogue, run):
    index = "(SELECT min(indexrelid) FROM pg_index WHERE indexrelid::regclass::text LIKE '%code_idx')"
    execute(catalogue, f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = {index}")
    [fault] = found(run("db", "verify", "--json"))["indexes"]
    assert fault.endswith("is unfinished: songradar db reindex builds it again")


def test_pages_of_a_server_that_lets_nobody_replicate(database, server, run):
    with server.access("local replication all reject"):
        result = run("db", "verify", "--pages")
    assert result.exit_code == 2
    assert "replication" in result.stderr
