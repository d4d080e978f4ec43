"""Fixtures: a catalogue of random vectors, a backup, and another database to restore it in."""

import pytest

from songradar.db import scans, search
from songradar.db.backup import backup
from songradar.timeline import Playing
from tests import reach
from tests.db.backups import PIECE
from tests.db.questions import find
from tests.db.rows import active_encoder_id, add_trees
from tests.reach import connect


@pytest.fixture
def forest(database):
    """Thirty songs of forty fragments: random vectors from seeds 0 to 29."""
    add_trees(30, n=40)


@pytest.fixture
def backup_file(database, tmp_path):
    """A backup of a catalogue of twenty songs, a kept search and a scan with two playings."""
    add_trees(20, n=40)
    found = find(PIECE, exact=True)
    with connect() as connection:
        search.save_search(connection, "bar.wav", 4.0, active_encoder_id(), {"total": 5.0}, found)
        scan = scans.begin(connection, "radio.wav", None, None, active_encoder_id(), {})
        known = Playing(0.0, 60.0, found[0].song_id, found[0].title, n_fragments=200)
        scans.keep(connection, scan.id, [vars(known), vars(Playing(60.0, 90.0))], 90.0)
    backup(reach.server(), tmp_path / "catalogue.songradar")
    return tmp_path / "catalogue.songradar"


@pytest.fixture
def other_database(server, monkeypatch):
    """A database without songradar's schema, in DATABASE_URL."""
    server.execute("CREATE DATABASE another TEMPLATE template1")
    monkeypatch.setenv("DATABASE_URL", server.url("another"))
    yield server.url("another")
    server.execute("DROP DATABASE another WITH (FORCE)")
