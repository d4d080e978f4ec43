"""Tokens, of which the server keeps only hashes, and what each lets one do."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Scope: TypeAlias = Literal["read", "write"]

_LINE = re.compile(r"(read|write)\s+([0-9a-f]{64})(?:\s+(.*))?")


class TokenFileError(Exception):
    """A file of tokens that cannot be used."""


@dataclass(frozen=True)
class Tokens:
    """Hashes of tokens, and what each lets one do. Tokens are long and random: one round of SHA-256 suffices."""

    scopes: tuple[tuple[str, Scope], ...]

    @classmethod
    def read(cls, path: Path) -> "Tokens":
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
        if not found:
            raise TokenFileError(f"{path}: holds no token; songradar serve --new-token write makes one")
        return cls(tuple(found))

    def scope_of(self, token: str) -> Scope | None:
        """What the token lets one do, None where it is unknown. Compares with all, each in constant time."""
        digest = digest_of(token)
        allowed: Scope | None = None
        for known, scope in self.scopes:
            if hmac.compare_digest(known, digest):
                allowed = scope
        return allowed


def digest_of(token: str) -> str:
    """SHA-256 of a token, in hex."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def add_token(path: Path, scope: Scope) -> str:
    """A new token, whose hash is added to the file; only its owner may read a file that is new."""
    token = secrets.token_urlsafe(32)
    if not path.exists():
        path.touch(mode=0o600)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{scope} {digest_of(token)}\n")
    return token
