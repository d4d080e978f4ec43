"""Fixtures: a real PostgreSQL for the session, a database for each test, a quick encoder, and seeded random numbers."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
import pytest
from click.testing import CliRunner, Result

from songradar.cli.main import main
from songradar.db import embedded, schema
from songradar.db.encoders import NewEncoder, add_encoder
from songradar.ml.package import read_package
from tests import reach, synth
from tests.reach import engine
from tests.toy_encoder import write_toy_encoder

TEMPLATE = "template_songradar"


@dataclass(frozen=True)
class Server:
    """The session's PostgreSQL: an embedded server in a temporary folder."""

    home: Path

    def url(self, database: str) -> str:
        url = embedded.running_url(self.home) or embedded.start(self.home)
        return url.replace(f"/{embedded.DATABASE}?", f"/{database}?")

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def role(self, name: str) -> Iterator[None]:
        """An ordinary role that may log in. Dropping it afterwards fails if it still owns objects or has rights."""
        self.execute(f"CREATE ROLE {name} LOGIN")
        try:
            with self.access(f"local all {name} trust"):
                yield
        finally:
            self.execute(f"DROP ROLE {name}")

    @contextmanager
    def access(self, rule: str) -> Iterator[None]:
        """Add a line to pg_hba.conf for the length of a block."""
        hba = self.home / "postgres" / "pg_hba.conf"
        before = hba.read_text()
        hba.write_text(f"{rule}\n{before}")
        self.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            hba.write_text(before)
            self.execute("SELECT pg_reload_conf()")


def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` means: they wait for servers and browsers half of the time."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy encoder as training would leave it."""
    return write_toy_encoder(tmp_path_factory.mktemp("encoders") / "toy")


@pytest.fixture(scope="session")
def server(toy_folder: Path) -> Iterator[Server]:
    """PostgreSQL, with a template database that has the schema and the toy encoder, active."""
    with pytest.MonkeyPatch.context() as environment:
        # Not below pytest's own folder, which only its user may enter: as root, the server is another user.
        home = Path(tempfile.mkdtemp(prefix="songradar-tests-"))
        environment.delenv("DATABASE_URL", raising=False)
        environment.setenv("SONGRADAR_HOME", str(home))
        server = Server(home)
        server.url("postgres")
        for setting in ("fsync", "full_page_writes"):  # nothing here outlives a crash of the machine
            server.execute(f"ALTER SYSTEM SET {setting} TO off")
        server.execute("SELECT pg_reload_conf()")
        server.execute(f"CREATE DATABASE {TEMPLATE}")
        environment.setenv("DATABASE_URL", server.url(TEMPLATE))
        schema.upgrade(reach.server())
        add_encoder(engine(), NewEncoder(**vars(read_package(toy_folder))))
        environment.delenv("DATABASE_URL")
        yield server
        embedded.stop(home)
        shutil.rmtree(home)


@pytest.fixture
def empty_database(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a database without songradar's schema, in DATABASE_URL."""
    yield from cloned(server, monkeypatch, "template1")


@pytest.fixture
def database(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty catalogue whose active encoder is the toy, in DATABASE_URL."""
    yield from cloned(server, monkeypatch, TEMPLATE)


def cloned(server: Server, monkeypatch: pytest.MonkeyPatch, template: str) -> Iterator[str]:
    """A clone of the database `template`, in DATABASE_URL."""
    name = f"test_{os.urandom(6).hex()}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    url = server.url(name)
    monkeypatch.setenv("DATABASE_URL", url)
    yield url
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def home(monkeypatch):
    """An empty data directory, in SONGRADAR_HOME."""
    folder = Path(tempfile.mkdtemp(prefix="songradar-test-"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SONGRADAR_HOME", str(folder))
    yield folder
    embedded.stop(folder)
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are as wide as they need to be, also in the processes of pytest-xdist, which have 80 columns."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_261_122)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run the command line in this process: `run("search", clip).stdout`."""

    def run(*arguments: object, **options: object) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def music(tmp_path: Path, rng: np.random.Generator) -> dict[str, Path]:
    """Three songs of twelve seconds, by title, in one folder."""
    folder = tmp_path / "music"
    folder.mkdir()
    titles = ("Amber", "Birch", "Cedar")
    return {
        title: synth.write_wav(folder / f"{number:02} The Trees - {title}.wav", synth.melody(rng, 12.0))
        for number, title in enumerate(titles, start=1)
    }
