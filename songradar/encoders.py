"""The encoders of a catalogue: add, choose, remove, export, and encode the songs anew with one."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from songradar.catalogue import Catalogue, add_package
from songradar.db import encoders as stored
from songradar.db import store
from songradar.db.cluster import servers_with_songs
from songradar.db.connection import connect_directly
from songradar.db.encoders import EncoderSummary
from songradar.db.errors import EncoderUnknown
from songradar.db.search import read_encoder
from songradar.ingest import IngestOptions, ingest
from songradar.ml.files import path_of
from songradar.ml.package import CALIBRATION, EncoderPackage, read_included, read_package, write_json, write_package
from songradar.outcomes import FileOutcome


def add(catalogue: Catalogue, source: str | Path, name: str | None = None) -> tuple[str, bool]:
    """Add the encoder in the folder `source`, or the one of that name that comes with songradar.

    Returns its name and whether it is new. Raises EncoderFileError, EncoderMismatch.
    """
    package = choose(source, name)
    return package.name, add_package(catalogue, package)


def choose(source: str | Path, name: str | None = None) -> EncoderPackage:
    """The encoder in the folder `source`, else the one of that name that comes with songradar."""
    folder = Path(source)
    included = None if folder.is_dir() else read_included(str(source), name)
    return included or read_package(folder, name)


def recalibrate(catalogue: Catalogue, name: str, calibration: Mapping[str, Any]) -> None:
    """Let searches with encoder `name` go by this calibration. Raises EncoderUnknown."""
    stored.set_calibration(catalogue.engine, name, calibration)


def recalibrate_folder(folder: Path, calibration: dict[str, Any]) -> None:
    """Let the encoder in `folder` have this calibration. Raises EncoderFileError."""
    read_package(folder)
    write_json(folder / CALIBRATION, calibration)


def summaries(catalogue: Catalogue) -> list[EncoderSummary]:
    """All encoders of the catalogue, by name."""
    return stored.encoders(catalogue.engine)


def use(catalogue: Catalogue, name: str) -> int:
    """Let ingestion and search use encoder `name`; returns how many songs it has not encoded yet.

    Raises EncoderUnknown.
    """
    stored.use_encoder(catalogue.engine, name)
    with catalogue.connection() as connection:
        return store.count_unencoded(connection, read_encoder(connection, name).id)


def unencoded(catalogue: Catalogue, name: str | None = None) -> list[store.KnownFile]:
    """The files of the songs that encoder `name` [the active one] has not encoded. Raises EncoderUnknown."""
    with catalogue.connection() as connection:
        return store.unencoded(connection, read_encoder(connection, name).id)


def remove(catalogue: Catalogue, name: str) -> int:
    """Remove encoder `name` with all its fragments; returns how many. Raises EncoderUnknown, TransactionsInTheWay.

    Of a cluster, the proxy loses it first, so that nobody asks for it any more; then the shards do.
    """
    with connect_directly(catalogue.server) as connection:
        n_fragments = stored.remove_encoder(connection, name)
        servers = servers_with_songs(connection, catalogue.server)
    for server in servers:
        if server != catalogue.server:
            with connect_directly(server) as shard, suppress(EncoderUnknown):
                stored.remove_encoder(shard, name)
    return n_fragments


def export(catalogue: Catalogue, name: str, folder: Path) -> None:
    """Write encoder `name` to `folder`, as `add` reads it. Raises EncoderUnknown."""
    write_package(read(catalogue, name), folder)


def read(catalogue: Catalogue, name: str) -> EncoderPackage:
    """Encoder `name` of the catalogue, whole. Raises EncoderUnknown."""
    return EncoderPackage(**vars(stored.read_whole(catalogue.engine, name)))


def reencode(catalogue: Catalogue, name: str, workers: int | None = None) -> Iterator[FileOutcome]:
    """Encode with encoder `name` the songs that it has not encoded and whose files are on this machine.

    Searches go on with the active encoder; `use` switches. Interrupted, it goes on where it was.
    """
    here = [path_of(file.source) for file in unencoded(catalogue, name) if file.host == catalogue.host]
    yield from ingest(catalogue, here, IngestOptions(workers=workers, encoder=name, tell_twins=False))
