"""A catalogue for the length of one command, apart from the user's own."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import progress, warn

if TYPE_CHECKING:
    import psycopg

    from db.encoders import NewEncoder
    from db.search import StoredEncoder
    from ml.encoder import Encoder


@contextmanager
def temporary_catalogue() -> Iterator[None]:
    """Let DATABASE_URL and SONGRADAR_HOME stand for a new embedded server, which is stopped and deleted at the end."""
    from db import embedded

    names = ("DATABASE_URL", "SONGRADAR_HOME")
    before = {name: os.environ.pop(name, None) for name in names}
    folder = Path(tempfile.mkdtemp(prefix="songradar-"))
    os.environ["SONGRADAR_HOME"] = str(folder)
    handler = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what follows is done then, too
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        del os.environ["SONGRADAR_HOME"]
        os.environ.update({name: value for name, value in before.items() if value is not None})
        embedded.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def fill(
    connection: "psycopg.Connection", new: "NewEncoder", paths: Sequence[Path], workers: int
) -> "tuple[StoredEncoder, Encoder]":
    """Add an encoder to a temporary catalogue, make it active and ingest `paths` with it; failures go to stderr."""
    from cli.encoders import open_encoder
    from cli.ingest import Report, ingest_files
    from db.encoders import add_encoder, use_encoder
    from db.engine import engine
    from ml.files import audio_files

    add_encoder(engine(), new)
    use_encoder(engine(), new.name)
    stored, encoder = open_encoder(connection, new.name, threads=1)
    files = list(audio_files(paths))
    report = Report(as_json=False)
    with progress("ingesting", len(files)) as advance:
        ingest_files(files, stored, encoder, workers, report, advance)
    for line in report.summary().splitlines():
        warn(line)
    return stored, encoder
