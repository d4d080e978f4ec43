"""Songradar names the song that a recording is a piece of, out of your own PostgreSQL.

>>> from songradar import Catalogue
>>> from songradar.identify import identify
>>> from songradar.ingest import ingest
"""

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songradar.catalogue import Catalogue
    from songradar.identify import Answer, Match, SearchOptions
    from songradar.ingest import IngestOptions
    from songradar.outcomes import FileOutcome, Tally

__all__ = ["Answer", "Catalogue", "FileOutcome", "IngestOptions", "Match", "SearchOptions", "Tally"]

# ONNX Runtime would tell its maker that it runs, and where, unless it is told before it is imported not to do so.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# In a checkout the subpackages db, ml, cli and migrations lie beside this folder, in a wheel inside it.
_HERE = Path(__file__).parent
if not (_HERE / "db").is_dir():
    __path__.append(str(_HERE.parent))

_MODULES = {
    "Catalogue": "catalogue",
    **dict.fromkeys(("Answer", "Match", "SearchOptions"), "identify"),
    "IngestOptions": "ingest",
    **dict.fromkeys(("FileOutcome", "Tally"), "outcomes"),
}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first asked for, so that `songradar --help` need not wait for them."""
    if name not in _MODULES:
        raise AttributeError(f"module 'songradar' has no attribute {name!r}")
    return getattr(import_module(f"songradar.{_MODULES[name]}"), name)
