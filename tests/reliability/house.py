"""A server of its own, whose catalogue can be put back into one of several states within a moment."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from songradar.catalogue import Catalogue
from songradar.db import connection, embedded
from songradar.db.connecting import connect_when_ready
from songradar.db.connection import Server
from tests.db.servers import control
from tests.reliability.running import Run

ALONE_S = 30
"""How long the server may go on for a command that has ended."""

RESET = f"DROP DATABASE IF EXISTS {embedded.DATABASE} WITH (FORCE)"


class House:
    """A data directory and folders for songs, for what is written, and for temporary files."""

    def __init__(self, folder: Path) -> None:
        self.home, self.songs, self.written, self.temporary, self.said = (
            folder / name for name in ("home", "songs", "written", "temporary", "said")
        )
        for each in (self.songs, self.written, self.temporary, self.said):
            each.mkdir()
        self.server = Server(folder=self.home, origin="folder")
        self.at_url = False

    @property
    def environment(self) -> dict[str, str]:
        """What a command is told, so that it works here: with the embedded server, or `at_url` as with any other."""
        where = {"DATABASE_URL": self.server.url} if self.at_url else {"SONGRADAR_HOME": str(self.home)}
        return {**where, "TMPDIR": str(self.temporary), "SONGRADAR_HOST": "here"}

    @property
    def postmaster(self) -> int:
        return int((self.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])

    def run(self, arguments: Sequence[object]) -> Run:
        """A command, on its way here."""
        return Run(arguments, self.environment, Path(tempfile.mkdtemp(dir=self.said)))

    def control(self, *arguments: str) -> None:
        """Run pg_ctl."""
        control(embedded._server(self.home / "postgres"), *arguments)

    def alone(self) -> None:
        """Wait until nobody is connected to the catalogue's database. Raises TimeoutError."""
        until = time.monotonic() + ALONE_S
        with self.outside() as watching:
            while in_the_way(watching, embedded.DATABASE):
                if time.monotonic() > until:
                    raise TimeoutError("somebody is still connected")
                time.sleep(0.05)

    def connect(self) -> psycopg.Connection[Any]:
        """A connection to the catalogue's database, whatever its schema. Starts the server where it is down."""
        return connection.connect(self.server)

    def outside(self) -> psycopg.Connection[Any]:
        """A connection to another database of the server, which is in nobody's way."""
        url = self.server.url.replace(f"/{embedded.DATABASE}?", "/postgres?")
        return connect_when_ready(url)

    @contextmanager
    def catalogue(self) -> Iterator[Catalogue]:
        with Catalogue.embedded(self.home) as catalogue:
            catalogue.host = "here"
            yield catalogue

    def save(self, state: str) -> None:
        """Call the catalogue's present state so."""
        with self.outside() as admin:
            admin.execute(f"CREATE DATABASE state_{state} TEMPLATE {embedded.DATABASE}")

    def restore(self, state: str) -> None:
        """Put the catalogue back into a state, and empty the folder of what was written."""
        with self.outside() as admin:
            admin.execute(RESET)
            admin.execute(f"CREATE DATABASE {embedded.DATABASE} TEMPLATE state_{state}")
        for path in self.written.iterdir():
            path.unlink()


def in_the_way(connection: psycopg.Connection[Any], database: str) -> list[int]:
    """The server's processes that work for songradar in a database, other than the one that asks."""
    rows = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name = 'songradar'"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY pid",
        [database],
    )
    return [pid for (pid,) in rows]


@contextmanager
def house() -> Iterator[House]:
    """A house for the length of a block. As root, its server is another user, who has to reach the data directory."""
    folder = Path(tempfile.mkdtemp(prefix="songradar-reliability-"))
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    built = House(folder)
    try:
        yield built
    finally:
        embedded.stop(built.home)
        shutil.rmtree(folder)
