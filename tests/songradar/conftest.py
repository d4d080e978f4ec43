"""Fixtures: a catalogue of songs, a file of them, and another catalogue to import it into."""

import pytest

from songradar import Catalogue
from songradar.db import schema
from songradar.ingest import IngestOptions, ingest
from songradar.transfer import export_songs
from tests import reach

MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"


@pytest.fixture
def source(database, run, music):
    """A catalogue of three songs; one of them has all that a song can have."""
    with Catalogue.open(database) as catalogue:
        list(ingest(catalogue, music["Amber"].parent, IngestOptions(workers=1, collection="wood")))
        run("songs", "edit", 2, "--isrc", "DEA731800123", "--mbid", MBID, "--album", "Leaves", "--tag", "upc=400")
        yield catalogue


@pytest.fixture
def file(source, tmp_path):
    """All its songs."""
    export_songs(source, tmp_path / "songs.songradar")
    return tmp_path / "songs.songradar"


@pytest.fixture
def target(server, monkeypatch, source):
    """Another catalogue, without an encoder."""
    server.execute("CREATE DATABASE target TEMPLATE template1")
    monkeypatch.setenv("DATABASE_URL", server.url("target"))
    schema.upgrade(reach.server())
    with Catalogue.open(server.url("target")) as catalogue:
        yield catalogue
    server.execute("DROP DATABASE target WITH (FORCE)")
