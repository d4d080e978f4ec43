"""Whether a catalogue is as it should be, down to PostgreSQL's pages and the songs' files."""

from collections.abc import Iterator
from dataclasses import replace

from songradar.catalogue import Catalogue
from songradar.db.cluster import servers_with_songs
from songradar.db.connection import Server, connect, is_proxy
from songradar.db.verify import Check, check_indexes, check_pages, check_places, check_rows
from songradar.events import Listener, counter, ignore
from songradar.ml.errors import AudioReadError
from songradar.ml.files import AudioFile, path_of, sha256, stat


def verify(
    catalogue: Catalogue, *, pages: bool | None = None, files: bool = False, listen: Listener = ignore
) -> Iterator[Check]:
    """Check the catalogue, one part after the other; searches and ingestion may go on.

    `pages` reads every page of the server, which takes the right to replicate [where the server is the embedded one];
    `files` reads the songs' files on this machine. Of a cluster, every shard is checked. Raises DatabaseError where a
    check cannot be made.
    """
    with catalogue.connection() as connection:
        of_cluster = is_proxy(connection)
        servers = servers_with_songs(connection, catalogue.server)
    for server in servers:
        for check in check_database(server, pages=server.is_embedded if pages is None else pages):
            yield replace(check, name=f"{check.name} of {server.origin}") if of_cluster else check
    if of_cluster:
        with catalogue.connection() as connection:
            yield check_places(connection)
    if files:
        yield check_files(catalogue, listen)


def check_database(server: Server, *, pages: bool) -> Iterator[Check]:
    """One database with songs."""
    if pages:
        yield check_pages(server)
    with connect(server) as connection:
        yield check_indexes(connection)
        yield check_rows(connection)


def check_files(catalogue: Catalogue, listen: Listener = ignore) -> Check:
    """The files of this machine that are as big and as old as they were, against their SHA-256.

    Files that are gone or were changed on purpose are no faults; `songs missing` and `ingest` deal with them.
    """
    from songradar.db.songs import songs_on  # SQLAlchemy

    songs = songs_on(catalogue.engine, catalogue.host)
    advance = counter("reading files", len(songs), listen)
    faults, n_read = [], 0
    for song in songs:
        file = stat(path_of(song.source))
        if isinstance(file, AudioFile) and (file.size, file.modified_at) == (song.size_bytes, song.modified_at):
            n_read += 1
            try:
                is_same = sha256(file.path) == song.sha256
            except AudioReadError as error:
                faults.append(str(error))
            else:
                if not is_same:
                    faults.append(
                        f"{song.source}: is damaged: its bytes are not those of song {song.id}, nor is it newer"
                    )
        advance()
    return Check(
        "files", f"{n_read} of {len(songs)} files of this machine, the others are gone or newer", tuple(faults)
    )
