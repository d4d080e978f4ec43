"""What can be asked of the server: each operation's path, parameters, answers and rights, said once.

The routes, the checks of what comes in and the OpenAPI document are all made of it.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from songradar.web.problems import invalid
from songradar.web.service import Service
from songradar.web.tokens import Scope

Schema: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """A part of the path or of the query string, with its JSON schema."""

    name: str
    schema: Schema
    description: str
    where: Literal["query", "path"] = "query"

    def read(self, text: str | None) -> Any:
        """The value that `text` stands for, the default for None. Raises Problem."""
        if text is None:
            return self.schema.get("default")
        try:
            return _checked(text, self.schema)
        except ValueError as error:
            raise invalid(f"{self.name}: {error}") from error


def _checked(text: str, schema: Schema) -> Any:
    """Raises ValueError for what the schema does not allow.

    >>> _checked("12", {"type": "integer", "minimum": 1}), _checked("true", {"type": "boolean"})
    (12, True)
    """
    kind = schema["type"]
    if kind == "boolean":
        if text not in ("true", "false"):
            raise ValueError(f"{text[:60]!r} is neither true nor false")
        return text == "true"
    if kind == "string":
        return _checked_text(text, schema)
    try:
        value = int(text) if kind == "integer" and text.removeprefix("-").isdecimal() else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (kind == "integer" and not isinstance(value, int)):
        raise ValueError(f"{text[:60]!r} is no {'whole ' * (kind == 'integer')}number")
    if not schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf):
        raise ValueError(f"{text[:60]} is not between {schema.get('minimum')} and {schema.get('maximum')}")
    return value


def _checked_text(text: str, schema: Schema) -> Any:
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", 1000)
    if not shortest <= len(text) <= longest or any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise ValueError(f"is no text of {shortest} to {longest} characters")
    if "enum" in schema and text not in schema["enum"]:
        raise ValueError(f"{text[:60]!r} is none of {', '.join(schema['enum'])}")
    if schema.get("format") == "date-time":
        try:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{text[:60]!r} is no time such as 2026-11-24T20:00:00Z") from error
    return text


@dataclass(frozen=True)
class Call:
    """A request that may be made, with the values of its parameters."""

    request: Request
    service: Service
    scope: Scope
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def answer(
        self, record: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """As JSON; who may only read is not told paths of the server."""
        shown = record if self.scope == "write" else without_paths(record)
        return JSONResponse(shown, status, headers)


PATHS = ("source", "other_source", "query", "recording")
"""Fields that may hold a path of the server."""


def without_paths(value: Any) -> Any:
    """A record in which only the last part of each path is left.

    >>> without_paths({"songs": [{"title": "Amber", "source": "/srv/music/amber.flac"}]})
    {'songs': [{'title': 'Amber', 'source': 'amber.flac'}]}
    """
    if isinstance(value, Mapping):
        return {name: last_part(it) if name in PATHS else without_paths(it) for name, it in value.items()}
    return [without_paths(it) for it in value] if isinstance(value, list) else value


def last_part(path: Any) -> Any:
    """The name of a file.

    >>> last_part("/srv/music/amber.flac"), last_part("C:\\\\music\\\\amber.flac"), last_part(None)
    ('amber.flac', 'amber.flac', None)
    """
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] if isinstance(path, str) else path


Handler: TypeAlias = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True)
class Operation:
    """One method of one path. `scope` is what its caller needs to be let do; None lets everybody.

    `body` has a schema for each media type; `answers` a description and the content, likewise, for each status.
    `problems` are the statuses with which it may be refused, beside those of all.
    """

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    handler: Handler
    summary: str
    tag: str
    scope: Scope | None = "read"
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Schema] = field(default_factory=dict)
    answers: Mapping[int, tuple[str, Mapping[str, Schema]]] = field(default_factory=dict)
    problems: tuple[int, ...] = ()
    description: str = ""

    def read(self, request: Request) -> dict[str, Any]:
        """The values of its parameters. Raises Problem."""
        found = {"query": request.query_params, "path": request.path_params}
        return {one.name: one.read(found[one.where].get(one.name)) for one in self.parameters}


def ref(name: str) -> Schema:
    """A schema of the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}


def json_of(name: str) -> dict[str, Schema]:
    """JSON with one of these schemas."""
    return {"application/json": ref(name)}


def lines_of(name: str) -> dict[str, Schema]:
    """JSON lines, of which each has the schema."""
    described = {"type": "string", "description": "A JSON object a line.", "contentSchema": ref(name)}
    return {"application/x-ndjson": described}


SOUND: dict[str, Schema] = {"audio/*": {"type": "string", "format": "binary"}}


def sound_or(name: str) -> dict[str, Schema]:
    """A body that is a file, or a form that has one; or JSON with one of these schemas."""
    return {
        "multipart/form-data": ref("FileForm"),
        "application/json": ref(name),
        "application/octet-stream": {"type": "string", "format": "binary"},
        **SOUND,
    }


PARTS = {200: ("The file.", SOUND), 206: ("A part of it.", SOUND)}
"""Answers that are a file, whole or by ranges."""

TEXT: Schema = {"type": "string", "maxLength": 1000, "pattern": r"^[^\u0000]*$"}
NAME: Schema = {**TEXT, "minLength": 1}
"""PostgreSQL's texts hold no NUL."""

CHOICE = (
    Parameter("encoder", NAME, "Search with this encoder instead of the active one."),
    Parameter("artist", NAME, "Look only among this artist's songs."),
    Parameter("collection", NAME, "Look only among the songs of this collection."),
)
"""What is searched, and with what."""

LIMIT = Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}, "How many to give.")
OFFSET = Parameter(
    "offset", {"type": "integer", "minimum": 0, "maximum": 10_000_000, "default": 0}, "How many to leave out before."
)
