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
from songradar.db.errors import ServerUnreachable
from songradar.db.retrying import retrying
from songradar.db.search import StoredEncoder, read_encoder, read_network
from songradar.db.standby import check_standby, cluster_of
from songradar.environment import environment
from songradar.ml.encoder import Encoder
from songradar.ml.package import EncoderPackage
from songradar.ml.spec import AudioSpec
from songradar.unfinished import held_folder

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
        read_server: Server | None = None,
    ) -> None:
        """Use `open`, `embedded` or `temporary`; the schema is not looked at here."""
        self.server = server
        self.host = host
        self.read_server = read_server or server
        self._pool = Pool(server, prepared=prepared, statement_s=statement_s, wait_s=wait_s)
        self._read_pool = (
            Pool(read_server, prepared=prepared, statement_s=statement_s, wait_s=wait_s) if read_server else self._pool
        )
        self._wait_s = wait_s
        self._encoders: dict[tuple[int, int], Encoder] = {}
        self._lock = Lock()

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        read_url: str | None = None,
        prepared: bool | None = None,
        statement_s: float | None = None,
        only_to_search: bool = False,
        wait_s: float = WAIT_S,
    ) -> Self:
        """The catalogue at `url` [what DATABASE_URL and SONGRADAR_HOME say].

        Searches go to its standbys at `read_url` [what SONGRADAR_READ_URL says, without `url`; else to itself].

        A schema at another revision than this program's is refused at a URL; the embedded database upgrades itself.
        With `only_to_search`, a schema that is near enough for that will do, as in the midst of an upgrade, and so will
        standbys where the server itself does not answer.
        `prepared` says whether statements are prepared after a few runs [not behind a pooler]; those that take longer
        than `statement_s` are broken off [none]; a server that goes away is waited for as long as `wait_s`. Raises
        DatabaseError.
        """
        found = environment()
        server, read_server = (found.server, found.read_server) if url is None else (Server(url), None)
        if read_url is not None:
            read_server = Server(read_url, origin="read_url")
        return cls._opened(
            server, found.host, prepared, statement_s, wait_s, read_server, only_to_search=only_to_search
        )

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
        read_server: Server | None = None,
        *,
        only_to_search: bool = False,
    ) -> Self:
        is_direct, cluster = True, None
        try:
            with connect(server) as connection:
                _bring_up(server, connection, only_to_search=only_to_search)
                is_direct = not is_pooled(connection)
                cluster = cluster_of(connection) if read_server else None
        except ServerUnreachable:
            if not (only_to_search and read_server):
                raise
        if read_server is not None:
            with connect(read_server) as connection:
                check_revision(connection, only_to_search=True)
                check_standby(connection, cluster, read_server)
                is_direct = is_direct and not is_pooled(connection)
        prepared = is_direct if prepared is None else prepared
        return cls(server, host, prepared=prepared, statement_s=statement_s, wait_s=wait_s, read_server=read_server)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: "TracebackType | None"
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back. The server of an embedded catalogue stays up for the next."""
        self._pool.close()
        self._read_pool.close()

    def connection(self) -> AbstractContextManager[psycopg.Connection]:
        """An autocommit psycopg connection from the pool for the length of a block."""
        return self._pool.connection()

    def searching(self) -> AbstractContextManager[psycopg.Connection]:
        """The same to search on: one to a standby, where there are some."""
        return self._read_pool.connection()

    def keeping(self) -> AbstractContextManager[psycopg.Connection]:
        """The same to keep a search on; PoolTimeout comes soon where that is another server, and away."""
        return self._pool.connection(None if self._read_pool is self._pool else FREE_S)

    def retrying(self, act: Callable[[psycopg.Connection], Result]) -> Result:
        """What `act` gives on a connection, also where the server goes away meanwhile; see `db.retrying`."""
        return retrying(self.server, partial(self._pool.connection, FREE_S), act, self._wait_s)

    def retrying_search(self, act: Callable[[psycopg.Connection], Result]) -> Result:
        """The same for a search."""
        return retrying(self.read_server, partial(self._read_pool.connection, FREE_S), act, self._wait_s)

    @property
    def engine(self) -> "Engine":
        """SQLAlchemy on the pool's connections."""
        return self._pool.engine

    def encoder(self, name: str | None = None, threads: int = 0, *, to_search: bool = False) -> LoadedEncoder:
        """The encoder called `name` [the active one]; `threads` bounds the cores that one call of it uses, 0 is all.

        Loaded once; with `to_search`, from where searches go. Raises EncoderUnknown.
        """
        with self.searching() if to_search else self.connection() as connection:
            stored = read_encoder(connection, name)
            with self._lock:
                network = self._encoders.get((stored.id, threads))
                if network is None:
                    onnx = read_network(connection, stored.id)
                    network = Encoder(onnx, AudioSpec.from_dict(stored.spec), stored.name, threads)
                    self._encoders[stored.id, threads] = network
        return LoadedEncoder(stored, network)


def _bring_up(server: Server, connection: psycopg.Connection, *, only_to_search: bool) -> None:
    """Upgrade the schema of an embedded server where that is needed. Raises SchemaOutOfDate."""
    current = revision(connection)
    is_near = only_to_search and current is not None and serves(connection)
    if server.is_embedded and current != HEAD and not is_near:
        from songradar.db.schema import upgrade  # Alembic takes longer to import than a search takes

        upgrade(server)
    check_revision(connection, only_to_search=only_to_search)


def add_package(catalogue: Catalogue, package: EncoderPackage) -> bool:
    """Add an encoder to a catalogue; whether it is new there. See `db.encoders.add_encoder`."""
    from songradar.db.encoders import NewEncoder, add_encoder  # SQLAlchemy, which a search does without

    return add_encoder(catalogue.engine, NewEncoder(**vars(package)))


def remove_temporary(folder: Path) -> None:
    with suppress(Exception):  # the folder is deleted anyway, and no server can go on without it
        embedded.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)
