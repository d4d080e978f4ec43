"""The index grows with the catalogue: it is built again where it has outgrown its lists."""

from contextlib import suppress
from typing import TYPE_CHECKING

from songradar.catalogue import Catalogue
from songradar.db.cluster import servers_with_songs
from songradar.db.connection import Server, connect
from songradar.db.errors import IndexBusy, NeedsDirectConnection, TransactionsInTheWay

if TYPE_CHECKING:
    from songradar.db.indexing import OnProgress


def tend_index(
    catalogue: Catalogue, encoder: str, *, by_far: bool = False, on_progress: "OnProgress | None" = None
) -> bool:
    """Build an encoder's index again where it has outgrown its lists, or only if `by_far`. Returns whether it did so.

    The index is left as it is where the role may not rebuild it, behind a pooler, and while others block it. Of a
    cluster, those of all shards are looked at.
    """
    with catalogue.connection() as connection:
        servers = servers_with_songs(connection, catalogue.server)
    built = [_tend_one(server, encoder, by_far=by_far, on_progress=on_progress) for server in servers]
    return any(built)


def _tend_one(server: Server, encoder: str, *, by_far: bool, on_progress: "OnProgress | None") -> bool:
    from songradar.db import indexing

    with connect(server) as connection:
        (index,) = indexing.indexes(connection, encoder)
        memory = indexing.memory_for_building(connection, server)
    factor = indexing.OUTGROWN_BY_FAR if by_far else indexing.OUTGROWN
    if not (index.is_mine and index.is_outgrown(memory, factor)):
        return False
    with suppress(IndexBusy, NeedsDirectConnection, TransactionsInTheWay):
        indexing.rebuild(server, index, on_progress=on_progress or (lambda _phase, _share: None))
        return True
    return False
