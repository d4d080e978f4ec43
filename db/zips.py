"""ZIP archives that somebody else may have made."""

import zipfile
import zlib

DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
"""What zipfile raises for archives that are damaged, or packed in ways that it does not know."""
