"""A catalogue on several databases: a proxy, at which it is opened, and shards, which have the songs."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from songradar.catalogue import Catalogue
from songradar.db import cluster, joining, proxy_schema, rebalancing, schema
from songradar.db.cluster import Shard
from songradar.db.connection import Server, connect, is_proxy
from songradar.db.errors import DatabaseError, ProxyUnfit
from songradar.db.rebalancing import Moved
from songradar.db.statistics import statistics

__all__ = ["Moved", "ShardStatus", "add", "init", "rebalance", "status"]


@dataclass(frozen=True)
class ShardStatus:
    """A shard, and what it holds; `problem` says why that is not known."""

    shard: Shard
    songs: int = 0
    fragments: int = 0
    bytes: int = 0
    problem: str | None = None


def init(server: Server) -> int:
    """Make the database at `server` a proxy, or bring a cluster up to date, shards first; gives how many it has.

    Raises ProxyUnfit, NotAllowed.
    """
    known = _shards_at(server)
    for shard in known:
        schema.upgrade(shard.server)
    proxy_schema.upgrade(server)
    return len(known)


def _shards_at(server: Server) -> list[Shard]:
    with psycopg.connect(server.url) as connection:
        return cluster.shards(connection) if is_proxy(connection) else []


def add(catalogue: Catalogue, url: str) -> Shard:
    """Let the database at `url` be another shard. It gets songs as they are ingested if it is the first, else by
    `rebalance`. Raises ProxyUnfit, ShardUnfit.
    """
    with _proxy(catalogue) as proxy:
        schema.upgrade(Server(url, origin="the shard's URL"))
        return joining.add_shard(proxy, url)


def status(catalogue: Catalogue) -> list[ShardStatus]:
    """The shards and what they hold. Raises ProxyUnfit."""
    with _proxy(catalogue) as proxy:
        return [_look_at(shard) for shard in cluster.shards(proxy)]


def rebalance(catalogue: Catalogue) -> Iterator[Moved]:
    """Let all shards have as many slots, while searches and ingestion go on; tells of each batch of songs.

    It may be broken off: the next one goes on. Raises ProxyUnfit, ClusterBusy.
    """
    with _proxy(catalogue) as proxy:
        yield from rebalancing.rebalance(proxy)


def _proxy(catalogue: Catalogue) -> psycopg.Connection:
    """A connection of its own to the proxy."""
    connection = connect(catalogue.server)
    if not is_proxy(connection):
        connection.close()
        raise ProxyUnfit("this catalogue is one database and no cluster: songradar cluster init makes an empty database"
                         " the proxy of one")  # fmt: skip
    return connection


def _look_at(shard: Shard) -> ShardStatus:
    try:
        with connect(shard.server) as connection:
            found = statistics(connection)
    except (DatabaseError, psycopg.Error) as error:
        return ShardStatus(shard, problem=str(error).splitlines()[0])
    return ShardStatus(shard, found.songs, found.fragments, found.bytes_total)
