"""A file of songs that somebody has tampered with is refused in a sentence, and changes nothing."""

import json
import zipfile

import numpy as np
import psycopg
import pytest

from songradar.archive import SONGS
from songradar.db.store import COPY_HEADER
from tests.songradar.archives import members, rewritten, rows_of, with_rows


def cut_off(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    return file


def flipped(file):
    """One bit of a stored fragment."""
    content = bytearray(file.read_bytes())
    content[content.find(COPY_HEADER) + 500] ^= 1
    file.write_bytes(content)
    return file


def no_archive(file):
    file.write_bytes(b"la la la")
    return file


def other_archive(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../etc/passwd", "root")
    return file


def stranger_inside(file):
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../../etc/passwd", "root")
    return file


def newer(file):
    return rewritten(file, manifest={"format_version": 2})


def boundless(file):
    return rewritten(file, manifest={"songs": 10**9, "fragments": 10**9})


def no_manifest_of_ours(file):
    return rewritten(file, manifest={"songs": "3"})


def packed(file):
    return rewritten(file, zipfile.ZIP_DEFLATED)


def no_songs(file):
    return rewritten(file, songs=None)


def nested(file):
    return rewritten(file, songs=b"[" * 900_000 + b"\n")


def endless_line(file):
    return rewritten(file, songs=b" " * (1 << 21) + b"\n")


def fewer_songs(file):
    return rewritten(file, songs=b"".join(members(file)[SONGS].splitlines(keepends=True)[:2]))


def more_songs(file):
    lines = members(file)[SONGS].splitlines(keepends=True)
    return rewritten(file, songs=b"".join([*lines, lines[0]]))


def fewer_rows(file):
    return with_rows(file, rows_of(file)[:-1])


def more_rows(file):
    rows = rows_of(file)
    extra = rows[-1:].copy()
    extra["position"] += 1
    return with_rows(file, np.concatenate([rows, extra]), manifest={"fragments": len(rows) + 1})


def other_network(file):
    return rewritten(file, encoder=b"not a network")


def huge_metrics(file):
    return rewritten(file, metrics=b" " * (1 << 25))


def song(**values):
    """The first song is changed."""

    def make(file):
        first, *rest = members(file)[SONGS].splitlines()
        line = json.dumps(json.loads(first) | values).encode()
        return rewritten(file, songs=b"\n".join([line, *rest, b""]))

    return make


def row(field, value, index=3):
    """A fragment is changed."""

    def make(file):
        rows = rows_of(file)
        rows[field][index] = value
        return with_rows(file, rows)

    return make


NO_SONG = "line 1 of songs.jsonl is no song ("
HOSTILE = {
    "cut off": (cut_off, "is no file that songradar export has written, or not all of one"),
    "no archive": (no_archive, "is no file that songradar export has written, or not all of one"),
    "other archive": (other_archive, "is no file that songradar export has written"),
    "flipped": (flipped, "is damaged"),
    "stranger": (stranger_inside, "does not hold what its manifest says"),
    "newer": (newer, "is of format 2, which takes a newer songradar"),
    "manifest": (no_manifest_of_ours, "has a manifest that songradar export has not written"),
    "boundless": (boundless, "holds other than the 1000000000 fragments that its manifest says"),
    "packed": (packed, "fragments.copy is not as its manifest says"),
    "no songs": (no_songs, "does not hold what its manifest says"),
    "nested": (nested, NO_SONG),
    "endless": (endless_line, f"{NO_SONG}the line is too long"),
    "no title": (song(title=""), "the database refuses it"),
    "long title": (song(title="x" * 1001), f"{NO_SONG}title: "),
    "surrogate": (song(title="\ud800"), NO_SONG),
    "nul": (song(artist="a\0b"), f"{NO_SONG}artist: "),
    "isrc": (song(isrc="nonsense"), "the database refuses it"),
    "mbid": (song(mbid="nonsense"), "the database refuses it"),
    "sha256": (song(sha256="00"), "the database refuses it"),
    "time": (song(modified_at="now"), NO_SONG),
    "nan": (song(duration_s=float("nan")), NO_SONG),
    "short": (song(duration_s=2.0), "has fragments after the end of their song"),
    "count": (song(n_fragments=22), "has other fragments than its songs say"),
    "number": (song(number=2), f"{NO_SONG}number 2)"),
    "tags": (song(tags={"upc": 4}), f"{NO_SONG}tags: "),
    "edited": (song(edited=["id"]), f"{NO_SONG}edited: "),
    "fewer songs": (fewer_songs, "has 2 of the 3 songs that its manifest says"),
    "more songs": (more_songs, "has more than the 3 songs that its manifest says"),
    "dimensions": (row("dim", 63), "has rows that are no fragments of 64 dimensions"),
    "song 99": (row("number", 99), "has fragments that are not in the order of songs and positions"),
    "song -1": (row("number", -1), "has fragments that are not in the order of songs and positions"),
    "twice": (row("position", 2), "has fragments that are not in the order of songs and positions"),
    "far": (row("position", 2**31 - 1, 22), "has fragments after the end of their song"),
    "zeros": (row("embedding", 0), "has embeddings that are not of length 1"),
    "no numbers": (row("embedding", np.nan), "has embeddings that are not of length 1"),
    "large": (row("embedding", 6e4), "has embeddings that are not of length 1"),
    "fewer rows": (fewer_rows, "holds other than the 69 fragments that its manifest says"),
    "more rows": (more_rows, "has other fragments than its songs say"),
    "network": (other_network, "holds no encoder that can be used"),
    "metrics": (huge_metrics, "metrics.json is not as its manifest says"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_bad_file_is_one_sentence_and_nothing_is_half_done(what, target, file, run):
    make, sentence = HOSTILE[what]
    result = run("import", make(file))
    with psycopg.connect(target.server.url) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM songradar.{table}").fetchone()[0]
            for table in ("songs", "encoders", "fragments", "encodings")
        ]

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert counts == [0, 0, 0, 0]
