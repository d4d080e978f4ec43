"""What went wrong, as RFC 9457 tells it: JSON with a type, a title, the status and a sentence."""

import errno
import logging
from collections.abc import Mapping
from http import HTTPStatus

import psycopg
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from songradar import errors

MEDIA_TYPE = "application/problem+json"

AGAIN_S = 2
"""After how many seconds to ask again where the server is busy."""

TITLES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""Names that HTTPStatus has only from Python 3.13 on."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk says, or the part of it that one may fill."""

_log = logging.getLogger("songradar.web")


class Problem(Exception):
    """An answer that says what is wrong. `kind` is the last part of its type, `headers` go with it."""

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, dict(headers or {})

    @property
    def response(self) -> Response:
        content = {
            "type": f"urn:songradar:problem:{self.kind}",
            "title": self.kind.replace("-", " "),
            "status": self.status,
            "detail": self.detail,
        }
        return JSONResponse(content, self.status, self.headers, MEDIA_TYPE)


def title_of(status: int) -> str:
    """What a status is called, with any Python.

    >>> title_of(404), title_of(416)
    ('Not Found', 'Range Not Satisfiable')
    """
    return TITLES.get(status, HTTPStatus(status).phrase)


def busy(detail: str) -> Problem:
    return Problem(503, "busy", detail, {"Retry-After": str(AGAIN_S)})


def not_found(detail: str) -> Problem:
    return Problem(404, "not-found", detail)


def invalid(detail: str) -> Problem:
    return Problem(422, "invalid", detail)


def problem_of(error: Exception) -> Problem:
    """What to answer to an error. One that is our fault is logged, and not told."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        kind = title_of(error.status_code).lower().replace(" ", "-")
        return Problem(error.status_code, kind, str(error.detail), error.headers)
    if isinstance(error, errors.AudioReadError):
        return Problem(422, "unreadable-audio", f"the recording {error.reason}")
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return busy("the server's disk has no room for this now")
    for class_, (status, kind) in OURS.items():
        if isinstance(error, class_):
            return Problem(status, kind, str(error))
    return _of_database(error) or _of_us(error)


OURS: dict[type[Exception], tuple[int, str]] = {
    errors.SongUnknown: (404, "not-found"),
    errors.EncoderUnknown: (404, "not-found"),
    errors.CatalogueEmpty: (409, "catalogue-empty"),
    errors.EncoderHasNoTwins: (409, "no-twins"),
    errors.EditRefused: (422, "invalid"),
    errors.SongRefused: (422, "invalid"),
    errors.NotAllowed: (403, "forbidden"),
    errors.ShardDown: (503, "shard-down"),
}


def _of_database(error: Exception) -> Problem | None:
    error = getattr(error, "orig", None) or error  # SQLAlchemy wraps psycopg's errors
    if isinstance(error, psycopg.errors.QueryCanceled):
        return busy("the database took too long")
    if isinstance(error, psycopg.errors.InsufficientPrivilege | psycopg.errors.ReadOnlySqlTransaction):
        return Problem(403, "forbidden", "the database does not let this server do that")
    if isinstance(error, psycopg.OperationalError | PoolTimeout | errors.ServerUnreachable):
        return busy("the database does not answer")
    if isinstance(error, psycopg.DataError):
        return invalid("the database does not take a value of it")
    return None


def _of_us(error: Exception) -> Problem:
    _log.error("a request failed", exc_info=error)
    return Problem(500, "internal-error", "the server has a fault, which is in its log")


async def answer_problem(_request: Request, error: Exception) -> Response:
    """Starlette's handler of all errors."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)  # nobody reads it
    return problem_of(error).response
