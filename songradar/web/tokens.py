"""Tokens, of which the server keeps only hashes, and what each lets one do."""

import hashlib
import hmac
import logging
import re
import secrets
from pathlib import Path
from typing import Literal, TypeAlias

Scope: TypeAlias = Literal["read", "write"]

_log = logging.getLogger("songradar.web")

_LINE = re.compile(r"(read|write)\s+([0-9a-f]{64})(?:\s+(.*))?")


class TokenFileError(Exception):
    """A file of tokens that cannot be used."""


class Tokens:
    """Hashes of tokens, and what each lets one do. Tokens are long and random: one round of SHA-256 suffices.

    The file is read again whenever it has changed. One that is damaged then, or gone, is complained of in the log, and
    what was known before it holds on; one without tokens lets nobody in.
    """

    def __init__(self, path: Path) -> None:
        """Raises TokenFileError, also where the file holds no token."""
        self._path, self._read = path, version_of(path)
        self._scopes = read_tokens(path)
        if not self._scopes:
            raise TokenFileError(f"{path}: holds no token; songradar serve --new-token write makes one")

    def scope_of(self, token: str) -> Scope | None:
        """What the token lets one do, None where it is unknown. Compares with all, each in constant time."""
        self._read_again()
        digest = digest_of(token)
        allowed: Scope | None = None
        for known, scope in self._scopes:
            if hmac.compare_digest(known, digest):
                allowed = scope
        return allowed

    def _read_again(self) -> None:
        version = version_of(self._path)
        if version == self._read:
            return
        self._read = version
        try:
            self._scopes = read_tokens(self._path)
            _log.warning("%s has changed, and holds %d tokens", self._path, len(self._scopes))
        except TokenFileError as error:
            _log.warning("%s; the tokens that were known before count on", error)


def version_of(path: Path) -> tuple[int, ...] | None:
    """What is different once a file has been written; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def read_tokens(path: Path) -> list[tuple[str, Scope]]:
    """A line for each token: `read` or `write`, its SHA-256 in hex, and what you like to call it.

    Empty lines and those that begin with # are left out. Raises TokenFileError.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TokenFileError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    found: list[tuple[str, Scope]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise TokenFileError(f"{path}, line {number}: is not read or write and a SHA-256 in hex")
        found.append((match[2], "write" if match[1] == "write" else "read"))
    return found


def digest_of(token: str) -> str:
    """SHA-256 of a token, in hex."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def add_token(path: Path, scope: Scope) -> str:
    """A new token, whose hash is added to the file; only its owner may read a file that is new."""
    token = secrets.token_urlsafe(32)
    if not path.exists():
        path.touch(mode=0o600)
    before = path.read_bytes()
    end = "" if not before or before.endswith(b"\n") else "\n"  # editors may leave out the last one
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{end}{scope} {digest_of(token)}\n")
    return token
