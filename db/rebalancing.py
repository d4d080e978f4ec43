"""Slots go from shards that have many to shards that have few, while searches and ingestion go on."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from songradar.db.cluster import SLOTS, shards
from songradar.db.connection import connect
from songradar.db.errors import ClusterBusy
from songradar.db.moving import SLOT_LOCK, move_songs

BATCH = 50
"""Songs that move in one transaction: some tens of megabytes at most."""

LOCK = 7_146_283_907
"""The advisory lock that lets one process at a time rebalance a cluster. The number is arbitrary."""

_UNFINISHED = "SELECT slot, moving_from, shard FROM songradar.slots WHERE moving_from IS NOT NULL ORDER BY slot"

_OWNERS = "SELECT shard, array_agg(slot ORDER BY slot DESC) FROM songradar.slots GROUP BY shard"

_BEGIN = "UPDATE songradar.slots SET moving_from = shard, shard = %s WHERE slot = %s"

_SONGS = "SELECT id FROM songradar.songs WHERE sha256 >= %s AND sha256 < %s ORDER BY sha256 LIMIT %s"


@dataclass(frozen=True)
class Move:
    """A slot that goes from one shard to another."""

    slot: int
    source: int
    target: int


@dataclass(frozen=True)
class Moved:
    """`songs` more of a slot have moved; of all `slots` that are to move, `left` come after this one."""

    move: Move
    songs: int
    left: int
    slots: int


def rebalance(proxy: psycopg.Connection) -> Iterator[Moved]:
    """Let all shards have as many slots, to within one; tells of each batch of songs that has moved.

    What was broken off is finished first. Raises ClusterBusy where another process does it.
    """
    with _alone(proxy), ExitStack() as stack:
        databases = {shard.number: stack.enter_context(connect(shard.server)) for shard in shards(proxy)}
        unfinished = [Move(*row) for row in proxy.execute(_UNFINISHED)]
        moves = unfinished + plan({shard: list(slots) for shard, slots in proxy.execute(_OWNERS)}, len(databases))
        for number, move in enumerate(moves, start=1):
            if move not in unfinished:
                _begin(proxy, move)
            while numbers := _numbers(databases[move.source], move.slot):
                move_songs(proxy, databases[move.source], databases[move.target], numbers)
                yield Moved(move, len(numbers), len(moves) - number, len(moves))
            proxy.execute("UPDATE songradar.slots SET moving_from = NULL WHERE slot = %s", [move.slot])


def plan(owned: dict[int, Sequence[int]], n_shards: int) -> list[Move]:
    """The fewest moves after which `n_shards` shards have as many slots, to within one.

    >>> moves = plan({0: list(range(256))}, 2)
    >>> len(moves), moves[0]
    (128, Move(slot=0, source=0, target=1))
    """
    slots = {shard: list(owned.get(shard, ())) for shard in range(n_shards)}
    by_size = sorted(slots, key=lambda shard: (-len(slots[shard]), shard))
    share = {shard: SLOTS // n_shards + (place < SLOTS % n_shards) for place, shard in enumerate(by_size)}
    free = [(slot, shard) for shard in by_size for slot in slots[shard][: max(0, len(slots[shard]) - share[shard])]]
    places = [shard for shard in sorted(slots) for _ in range(share[shard] - len(slots[shard]))]
    return [Move(slot, source, target) for (slot, source), target in zip(free, places, strict=True)]


@contextmanager
def _alone(proxy: psycopg.Connection) -> Iterator[None]:
    if proxy.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() != (True,):
        raise ClusterBusy("the cluster is being rebalanced already")
    try:
        yield
    finally:
        if not proxy.closed:
            proxy.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _begin(proxy: psycopg.Connection, move: Move) -> None:
    """New songs go to the slot's new shard from now on; whoever stores one in its old shard is waited for."""
    proxy.execute(_BEGIN, [move.target, move.slot])
    with proxy.transaction():
        proxy.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SLOT_LOCK, move.slot])


def _numbers(source: psycopg.Connection, slot: int) -> list[int]:
    first, after = bytes([slot]), bytes([slot + 1]) if slot < SLOTS - 1 else b"\xff" * 33
    return [number for (number,) in source.execute(_SONGS, [first, after, BATCH])]
