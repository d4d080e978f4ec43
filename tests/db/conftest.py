"""A data directory for tests of the embedded server itself."""

import shutil
import tempfile
from pathlib import Path

import pytest

from songradar.db import embedded


@pytest.fixture
def home(monkeypatch):
    """An empty data directory, in SONGRADAR_HOME."""
    folder = Path(tempfile.mkdtemp(prefix="songradar-test-"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SONGRADAR_HOME", str(folder))
    yield folder
    embedded.stop(folder)
    shutil.rmtree(folder)
