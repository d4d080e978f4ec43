"""Files of songs, taken apart and put together again by hand."""

import hashlib
import json
import zipfile

import numpy as np

from songradar.archive import FRAGMENTS, MANIFEST, SONGS
from songradar.db.exchange import ROW
from songradar.db.store import COPY_HEADER

OFFSET = len(COPY_HEADER)


def members(file) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(file, compression=zipfile.ZIP_STORED, manifest=None, **changes):
    """The file with other members, called by their names without dots and folders, and a manifest that fits."""
    held = members(file)
    for name in list(held):
        key = name.rpartition("/")[2].partition(".")[0]
        if key in changes:
            held[name] = changes[key]
    held = {name: content for name, content in held.items() if content is not None}
    stated = json.loads(held.pop(MANIFEST))
    stated["members"] = {n: {"bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in held.items()}
    other = file.with_name("other.songradar")
    with zipfile.ZipFile(other, "w", compression) as archive:
        for name, content in (held | {MANIFEST: json.dumps(stated | (manifest or {})).encode()}).items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name == SONGS else None)
    return other


def rows_of(file) -> np.ndarray:
    return np.frombuffer(members(file)[FRAGMENTS][OFFSET:-2], ROW).copy()


def with_rows(file, rows: np.ndarray, manifest=None):
    content = members(file)[FRAGMENTS]
    fragments = content[:OFFSET] + rows.astype(ROW).tobytes() + content[-2:]
    return rewritten(file, manifest=manifest, fragments=fragments)
