"""Files that are rendered once: a key beside each says what it was made of."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any


def rendered(path: Path, key: Sequence[object], render: Callable[[IO[bytes]], dict[str, Any]]) -> dict[str, Any]:
    """The facts that `render` returned when it wrote the file at `path`.

    `render` is called only if the file does not exist or was written for another `key`. If the process is killed, the
    old file stays, or a file without a key, which is rendered again. Other processes may keep the old file mapped.
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
