"""Catalogue: the songs of one PostgreSQL, opened. All that songradar does begins with one."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self, TypeVar

import psycopg

from songradar.db import embedded
from songradar.db.connection import HEAD, WAIT_S, Pool, Server, check_revision, connect, is_pooled, revision, serves
from songradar.db.retrying import retrying
from songradar.db.search import StoredEncoder, read_encoder, read_network
from songradar.db.unfinished import held_folder
from songradar.environment import environment
from songradar.ml.encoder import Encoder
from songradar.ml.package import EncoderPackage
from songradar.ml.spec import AudioSpec

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy import Engine

Result = TypeVar("Result")

FREE_S = 2.0
"""If no connection is free after so long, it is looked whether the server is still there."""

TEMPORARY = "songradar-temporary-"


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder of the catalogue, ready to run."""

    stored: StoredEncoder
    network: Encoder

    @property
    def id(self) -> int:
        return self.stored.id

    @property
    def name(self) -> str:
        return self.stored.name


class Catalogue:
    """The songs of one PostgreSQL. A context manager, safe between threads; several may be open in one process.

    >>> with Catalogue.temporary() as catalogue:
    ...     with catalogue.connection() as connection:
    ...         connection.execute("SELECT count(*) FROM songradar.songs_v1").fetchone()
    (0,)
    """

    def __init__(
        self,
        server: Server,
        host: str,
        *,
        prepared: bool = True,
        statement_s: float | None = None,
        wait_s: float = WAIT_S,
    ) -> None:
        """Use `open`, `embedded` or `temporary`; the schema is not looked at here."""
        self.server = server
        self.host = host
        self._pool = Pool(server, prepared=prepared, statement_s=statement_s, wait_s=wait_s)
        self._wait_s = wait_s
        self._encoders: dict[tuple[int, int], Encoder] = {}
        self._lock = Lock()

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        prepared: bool | None = None,
        statement_s: float | None = None,
        only_to_search: bool = False,
        wait_s: float = WAIT_S,
    ) -> Self:
        """The catalogue at `url` [what DATABASE_URL and SONGRADAR_HOME say].

        A schema at another revision than this program's is refused at a URL; the embedded database upgrades itself.
        With `only_to_search`, a schema that is near enough for that will do, as in the midst of an upgrade.
        `prepared` says whether statements are prepared after a few runs [not behind a pooler]; those that take longer
        than `statement_s` are broken off [none]; a server that goes away is waited for as long as `wait_s`. Raises
        DatabaseError.
        """
        found = environment()
        server = found.server if url is None else Server(url)
        return cls._opened(server, found.host, prepared, statement_s, wait_s, only_to_search=only_to_search)

    @classmethod
    def embedded(cls, folder: Path | str) -> Self:
        """The catalogue of the PostgreSQL that comes with songradar, in `folder`; made there if need be.

        Raises DatabaseError.
        """
        return cls._opened(Server(folder=Path(folder).expanduser().absolute(), origin="folder"), environment().host)

    @classmethod
    @contextmanager
    def temporary(cls) -> Iterator[Self]:
        """A new, empty catalogue for the length of a block, with a PostgreSQL of its own.

        Those whose process was killed are cleared away first.
        """
        with held_folder(TEMPORARY, remove_temporary) as folder, cls.embedded(folder) as catalogue:
            yield catalogue

    @classmethod
    def _opened(
        cls,
        server: Server,
        host: str,
        prepared: bool | None = None,
        statement_s: float | None = None,
        wait_s: float = WAIT_S,
        *,
        only_to_search: bool = False,
    ) -> Self:
        with connect(server) as connection:
            current = revision(connection)
            is_near = only_to_search and current is not None and serves(connection)
            if server.is_embedded and current != HEAD and not is_near:
                from songradar.db.schema import upgrade  # Alembic takes longer to import than a search takes

                upgrade(server)
            check_revision(connection, only_to_search=only_to_search)
            if prepared is None:
                prepared = not is_pooled(connection)
        return cls(server, host, prepared=prepared, statement_s=statement_s, wait_s=wait_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: "TracebackType | None"
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back. The server of an embedded catalogue stays up for the next."""
        self._pool.close()

    def connection(self) -> AbstractContextManager[psycopg.Connection]:
        """An autocommit psycopg connection from the pool for the length of a block."""
        return self._pool.connection()

    def retrying(self, act: Callable[[psycopg.Connection], Result]) -> Result:
        """What `act` gives on a connection, also where the server goes away meanwhile; see `db.retrying`."""
        return retrying(self.server, partial(self._pool.connection, FREE_S), act, self._wait_s)

    @property
    def engine(self) -> "Engine":
        """SQLAlchemy on the pool's connections."""
        return self._pool.engine

    def encoder(self, name: str | None = None, threads: int = 0) -> LoadedEncoder:
        """The encoder called `name` [the active one]; `threads` bounds the cores that one call of it uses, 0 is all.

        Loaded once. Raises EncoderUnknown.
        """
        with self.connection() as connection:
            stored = read_encoder(connection, name)
            with self._lock:
                network = self._encoders.get((stored.id, threads))
                if network is None:
                    onnx = read_network(connection, stored.id)
                    network = Encoder(onnx, AudioSpec.from_dict(stored.spec), stored.name, threads)
                    self._encoders[stored.id, threads] = network
        return LoadedEncoder(stored, network)


def add_package(catalogue: Catalogue, package: EncoderPackage) -> bool:
    """Add an encoder to a catalogue; whether it is new there. See `db.encoders.add_encoder`."""
    from songradar.db.encoders import NewEncoder, add_encoder  # SQLAlchemy, which a search does without

    return add_encoder(catalogue.engine, NewEncoder(**vars(package)))


def remove_temporary(folder: Path) -> None:
    with suppress(Exception):  # the folder is deleted anyway, and no server can go on without it
        embedded.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)
