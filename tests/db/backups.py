"""What backups and catalogues hold, and how to make a backup that lies."""

import json
import zipfile

import numpy as np
import psycopg

from songradar.db import schema
from songradar.db.backup import MANIFEST, measure
from tests.db.rows import noisy, unit_vectors

PIECE = noisy(unit_vectors(40, seed=7)[11:19], np.random.default_rng(1))
"""Of a song in `backup_file`."""

SONG = """
    INSERT INTO songradar.songs (title, duration_s, host, source, sha256, size_bytes, modified_at)
    VALUES ('Late', 1, 'here', '/late', sha256('late'), 1, now())
"""


def held(url):
    """The rows and the checksum of each table."""
    with psycopg.connect(url) as connection:
        connection.execute(schema.SEARCH_PATH)
        return measure(connection)


def changed(backup_file, **values):
    """The backup with another manifest."""
    with zipfile.ZipFile(backup_file) as old, zipfile.ZipFile(backup_file.with_name("changed"), "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, json.dumps(json.loads(content) | values) if name == MANIFEST else content)
    return backup_file.with_name("changed")
