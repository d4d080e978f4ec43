"""The OpenAPI 3.1 document, made of the operations; `python -m songradar.web.openapi` prints it."""

import json
from typing import Any

from songradar.web.operations import Operation, ref
from songradar.web.problems import MEDIA_TYPE, title_of
from songradar.web.routes import (
    covers,
    duplicates,
    events,
    history,
    identify,
    ingest,
    insight,
    scans,
    service,
    songs,
)
from songradar.web.schemas import SCHEMAS

ALL: list[Operation] = [
    *identify.OPERATIONS,
    *songs.OPERATIONS,
    *covers.OPERATIONS,
    *ingest.OPERATIONS,
    *duplicates.OPERATIONS,
    *history.OPERATIONS,
    *scans.OPERATIONS,
    *insight.OPERATIONS,
    *events.OPERATIONS,
    *service.OPERATIONS,
]

ALWAYS = (429, 500, 503)
"""Statuses with which any request may be refused."""

DESCRIPTION = """Name the song that a recording is a piece of, and look after the catalogue of songs.

`GET /live` is a WebSocket that takes samples and tells what they are; docs/http.md describes it. Problems are told as
RFC 9457 has them. A server that asks for a token takes it in the header Authorization, or in a cookie."""


def document() -> dict[str, Any]:
    """The document as JSON has it."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in ALL:
        paths.setdefault(operation.path, {})[operation.method.lower()] = described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "songradar", "version": "1", "description": DESCRIPTION, "license": LICENSE},
        "servers": [{"url": "/api/v1"}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "songradar_token"},
            },
        },
    }


LICENSE = {"name": "MIT", "identifier": "MIT"}


def described(operation: Operation) -> dict[str, Any]:
    """An operation as the document has it."""
    answers = {
        str(status): {"description": text, **({"content": content_of(content)} if content else {})}
        for status, (text, content) in operation.answers.items()
    }
    refusals = {
        *operation.problems,
        *ALWAYS,
        *({401, 403} if operation.scope else ()),
        *({400, 403, 413} if operation.body else ()),
    }
    for status in sorted(refusals):
        content = {MEDIA_TYPE: {"schema": ref("Problem")}}
        answers[str(status)] = {"description": title_of(status), "content": content}
    found: dict[str, Any] = {
        "operationId": name_of(operation),
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": [{"token": []}, {"session": []}, {}] if operation.scope else [],
        "responses": answers,
    }
    if operation.description:
        found["description"] = operation.description
    if operation.parameters:
        found["parameters"] = [
            {"name": one.name, "in": one.where, "description": one.description, "schema": one.schema}
            | ({"required": True} if one.where == "path" else {})
            for one in operation.parameters
        ]
    if operation.body:
        found["requestBody"] = {"required": True, "content": content_of(operation.body)}
    return found


def content_of(schemas: Any) -> dict[str, Any]:
    return {media_type: {"schema": schema} for media_type, schema in schemas.items()}


def name_of(operation: Operation) -> str:
    """What clients that are made of the document call it.

    >>> name_of(next(one for one in ALL if one.path == "/songs/{song_id}" and one.method == "GET"))
    'show_song'
    """
    return operation.handler.__name__


if __name__ == "__main__":
    print(json.dumps(document(), indent=1, ensure_ascii=False))
