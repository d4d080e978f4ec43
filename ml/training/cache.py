"""Files that are rendered once: a key beside each says what it was made of."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any


def rendered(path: Path, key: Sequence[object], render: Callable[[IO[bytes]], dict[str, Any]]) -> dict[str, Any]:
    """The facts that `render` gave when it wrote the file at `path`; it is called when that was for another `key`.

    A kill leaves the old file, or a file without a key, which counts as none. Another process may have the old file
    mapped meanwhile.
    """
    beside, wanted = path.with_name(f"{path.name}.json"), json.loads(json.dumps(key))
    known: dict[str, Any] = json.loads(beside.read_text()) if beside.exists() else {}
    if known.get("key") == wanted:
        return known
    partial = path.with_suffix(".partial")
    with partial.open("wb") as out:
        known = {"key": wanted, **render(out)}
    beside.unlink(missing_ok=True)
    partial.replace(path)
    written = beside.with_suffix(".partial")
    written.write_text(json.dumps(known))
    written.replace(beside)
    return known
