"""Whether an answer is what the OpenAPI document says."""

import json
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from songradar.web.openapi import document

DOCUMENT = document()


def check(response: httpx.Response, path: str) -> Any:
    """The JSON of an answer of `path`, as the document names it, after it was compared with its schema."""
    operation = DOCUMENT["paths"][path][response.request.method.lower()]
    answer = operation["responses"][str(response.status_code)]
    if not answer.get("content"):
        assert not response.content
        return None
    (media_type, content), *_ = answer["content"].items()
    assert response.headers["content-type"].partition(";")[0] == media_type
    if media_type == "application/x-ndjson":
        lines = [json.loads(line) for line in response.text.splitlines()]
        for line in lines:
            validate(line, content["schema"]["contentSchema"])
        return lines
    validate(response.json(), content["schema"])
    return response.json()


def validate(value: Any, schema: dict[str, Any]) -> None:
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)
