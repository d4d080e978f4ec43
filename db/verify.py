"""Does a catalogue hold what it says it holds? PostgreSQL's pages against their checksums, rows against one another."""

import re
import subprocess
import tempfile
from dataclasses import dataclass

import psycopg
from psycopg.sql import SQL, Identifier

from songradar.db.cluster import SLOTS, shards, slots_of_shards
from songradar.db.connection import Server, connect, connect_directly
from songradar.db.errors import DatabaseError
from songradar.db.programs import complaint, for_programs, path_of

_FRAGMENTS = """
    SELECT e.name, coalesce(n.song_id, f.song_id), coalesce(n.n_fragments, 0), coalesce(f.n, 0)
      FROM (SELECT encoder_id, song_id, count(*) AS n FROM songradar.fragments GROUP BY encoder_id, song_id) AS f
      FULL JOIN songradar.encodings AS n ON n.encoder_id = f.encoder_id AND n.song_id = f.song_id
      JOIN songradar.encoders AS e ON e.id = coalesce(n.encoder_id, f.encoder_id)
     WHERE f.n IS DISTINCT FROM n.n_fragments
     ORDER BY 1, 2
"""

_BEYOND = """
    SELECT e.name, f.song_id, max(f.position * e.hop_s), s.duration_s
      FROM songradar.fragments AS f
      JOIN songradar.encoders AS e ON e.id = f.encoder_id
      JOIN songradar.songs AS s ON s.id = f.song_id
     GROUP BY e.name, f.song_id, s.duration_s
    HAVING max(f.position * e.hop_s) > s.duration_s
     ORDER BY 1, 2
"""

_NETWORKS = "SELECT name FROM songradar.encoders WHERE sha256(onnx) <> sha256 ORDER BY name"

_FAULTS = {
    _FRAGMENTS: "song {1}: encoder {0} has stored {3} fragments of it, and {2} are to be there",
    _BEYOND: "song {1}: is {3:.1f} s long, and encoder {0} has stored a fragment of it at {2:.1f} s",
    _NETWORKS: "encoder {0}: its network is not the one that was added (SHA-256)",
}
"""What no row may be, and how it is told."""

_MISPLACED = "SELECT id, get_byte(sha256, 0) FROM songradar.songs WHERE get_byte(sha256, 0) <> ALL (%s) ORDER BY id"

_COUNTS = """
    SELECT (SELECT count(*) FROM songradar.songs), (SELECT coalesce(sum(n_fragments), 0) FROM songradar.encodings),
           (SELECT count(*) FROM songradar.encoders)
"""

_INDEXES = """
    SELECT c.oid::regclass::text, i.indrelid::regclass::text, i.indisvalid, m.amname
      FROM pg_index AS i
      JOIN pg_class AS c ON c.oid = i.indexrelid AND c.relkind = 'i'
      JOIN pg_am AS m ON m.oid = c.relam
     WHERE c.relnamespace = 'songradar'::regnamespace
     ORDER BY 1
"""

_AMCHECK = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'amcheck'"

_DAMAGED = re.compile(r'checksum verification failed in file "(?:\./)?(?P<file>[^"]+)", block (?P<block>\d+)')


@dataclass(frozen=True)
class Check:
    """What was looked at, in words, and a sentence for each fault that was found."""

    name: str
    looked_at: str
    faults: tuple[str, ...] = ()


def check_pages(server: Server) -> Check:
    """Every page of the cluster on disk against its checksum, by PostgreSQL's own pg_basebackup, which writes nothing.

    Only for a role that may replicate. Raises DatabaseError where pages have no checksums, or cannot be read.
    """
    with connect_directly(server) as connection:
        row = connection.execute("SELECT current_setting('data_checksums'), pg_database_size(current_database())")
        has_checksums, n_bytes = row.fetchone() or ("off", 0)
        if has_checksums != "on":
            raise DatabaseError("this PostgreSQL was made without checksums of its pages (initdb --data-checksums)")
        where, variables = for_programs(server.url)
        command = [path_of("pg_basebackup", connection.info.server_version // 10_000), "--dbname", where]
        with tempfile.TemporaryFile("w+", errors="replace") as said:  # a pipe could fill up, and nobody reads it
            command += ["--pgdata=-", "--format=tar", "--wal-method=none", "--checkpoint=fast", "--no-manifest"]
            done = subprocess.run(command, env=variables, stdout=subprocess.DEVNULL, stderr=said, check=False)
            said.seek(0)
            lines = said.read().splitlines()
        damaged = [found for line in lines if (found := _DAMAGED.search(line))]
        if done.returncode and not damaged:
            raise complaint("pg_basebackup", lines)
        faults = tuple(_page(connection, found["file"], found["block"]) for found in damaged)
    return Check("pages", f"{n_bytes >> 20} MiB of this database", faults)


def _page(connection: psycopg.Connection, file: str, block: str) -> str:
    found = re.fullmatch(r"base/(\d+)/(\d+)(?:\.\d+)?", file)
    relation = None
    if found:
        row = connection.execute(
            "SELECT c.relnamespace::regnamespace || '.' || c.relname FROM pg_class AS c, pg_database AS d"
            " WHERE c.oid = pg_filenode_relation(0, %s) AND d.oid = %s AND d.datname = current_database()",
            [int(found[2]), int(found[1])],
        ).fetchone()
        relation = row[0] if row else None
    return f"page {block} of {relation or file} is damaged: its checksum is not that of what it holds"


def check_rows(connection: psycopg.Connection) -> Check:
    """Songs against their fragments, and networks against their SHA-256."""
    looked_at, faults = ["songs, fragments, encoders"], list[str]()
    for statement, sentence in {_COUNTS: "{} songs, {} fragments, {} encoders", **_FAULTS}.items():
        told = looked_at if statement is _COUNTS else faults
        try:
            told += [sentence.format(*row) for row in connection.execute(statement)]
        except (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted) as error:
            faults.append(f"PostgreSQL cannot read on: {error.diag.message_primary}")
    return Check("rows", looked_at[-1], tuple(faults))


def check_indexes(connection: psycopg.Connection) -> Check:
    """Indexes that are unfinished, which PostgreSQL does not use; B-trees by amcheck, where that is installed."""
    amcheck = connection.execute(_AMCHECK).fetchone()
    found = connection.execute(_INDEXES).fetchall()
    faults = []
    for index, table, is_valid, method in found:
        if not is_valid:
            faults.append(f"index {index} of {table} is unfinished: songradar db reindex builds it again")
        elif amcheck and method == "btree":
            try:
                check = SQL("SELECT {}.bt_index_check(%s::regclass, true)").format(Identifier(amcheck[0]))
                connection.execute(check, [index])
            except psycopg.errors.IndexCorrupted as error:
                faults.append(f"index {index} of {table} is damaged: {str(error).splitlines()[0]}")
    how = "B-trees by amcheck" if amcheck else "amcheck is not installed"
    return Check("indexes", f"{len(found)} indexes, {how}", tuple(faults))


def check_places(proxy: psycopg.Connection) -> Check:
    """Songs of a cluster against the shards on which their SHA-256 says they are; slots may move meanwhile."""
    before, faults = slots_of_shards(proxy), []
    for shard in shards(proxy):
        with connect(shard.server) as database:
            misplaced = database.execute(_MISPLACED, [before[shard.number]]).fetchall()
        now = slots_of_shards(proxy)[shard.number]
        faults += [
            f"song {number}: is on shard {shard.number}, which has no songs whose SHA-256 begins with {slot:02x}"
            for number, slot in misplaced
            if slot not in now
        ]
    return Check("places", f"{SLOTS} slots on {len(before)} shards", tuple(faults))
