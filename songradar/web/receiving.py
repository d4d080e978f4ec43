"""Bodies of requests: files that are uploaded, and JSON."""

import asyncio
import json
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request

from songradar.unfinished import scratch
from songradar.web.operations import Call, last_part
from songradar.web.problems import Problem, invalid

JSON_BYTES = 4 << 20
"""Most bytes of JSON that are read: the embeddings of an hour take about half."""

CHUNK = 1 << 20
LONGEST_NAME, LONGEST_ENDING = 200, 8
"""Bytes of a file's name, of which so many characters after a last dot say of which kind it is."""


@dataclass(frozen=True)
class Upload:
    """A file that was sent: where it lies for the length of the request, and what it was called."""

    path: Path
    name: str


def media_type_of(request: Request) -> str:
    """The media type of the body, without its parameters; empty where it is not said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@asynccontextmanager
async def uploaded(call: Call) -> AsyncIterator[Upload]:
    """The body, or the field `file` of a form, as a file. Raises Problem."""
    body_s = call.service.options.body_s
    with scratch() as folder:
        path = folder / "upload"
        try:
            with path.open("wb") as file:
                async with call.service.receiving.taken(), asyncio.timeout(body_s):
                    name = await _receive(call.request, file)
        except TimeoutError as error:
            raise Problem(408, "request-timeout", f"the body did not come within {body_s:g} s") from error
        if not path.stat().st_size:
            raise Problem(422, "unreadable-audio", "the recording is empty")
        yield Upload(path, name)


async def _receive(request: Request, file: BinaryIO) -> str:
    if media_type_of(request) != "multipart/form-data":
        async for chunk in request.stream():
            file.write(chunk)
        return safe_name(request.query_params.get("name", ""))
    async with request.form(max_files=1, max_fields=10) as form:
        sent = form.get("file")
        if not isinstance(sent, UploadFile):
            raise invalid("the form has no file in its field `file`")
        while chunk := await sent.read(CHUNK):
            await run_in_threadpool(file.write, chunk)
        return safe_name(sent.filename or "")


def safe_name(name: str) -> str:
    """What a file is called: no folders, nothing hidden, no characters that a terminal or a file system minds.

    >>> safe_name("../../etc/passwd"), safe_name(".ssh"), safe_name("")
    ('passwd', 'ssh', 'recording')
    >>> len(safe_name("x" * 1_000_000 + ".mp3"))
    200
    """
    last = str(last_part(name))
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C" and c not in '<>:"|?*').strip().lstrip(".")
    stem, dot, ending = kept.rpartition(".")
    if not stem or len(ending) > LONGEST_ENDING:
        stem, dot, ending = kept, "", ""
    short = stem.encode()[: LONGEST_NAME - len((dot + ending).encode())].decode(errors="ignore")
    return short + dot + ending or "recording"


async def json_body(request: Request, body_s: float) -> Any:
    """What the JSON of the body says. Raises Problem."""
    data = bytearray()
    try:
        async with asyncio.timeout(body_s):
            async for chunk in request.stream():
                data += chunk
                if len(data) > JSON_BYTES:
                    raise Problem(413, "too-large", f"JSON may have {JSON_BYTES} bytes at most")
    except TimeoutError as error:
        raise Problem(408, "request-timeout", f"the body did not come within {body_s:g} s") from error
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "bad-request", "the body is not JSON") from error


async def json_object(request: Request, body_s: float) -> dict[str, Any]:
    """The object that the body is. Raises Problem."""
    value = await json_body(request, body_s)
    if not isinstance(value, dict):
        raise invalid("the body is no JSON object")
    return value


NOT_HERE = "the server's operator allows no files there: songradar serve --allow-folder"


def allowed_path(body: Mapping[str, Any], folders: Sequence[Path]) -> Path:
    """The path that a body names, if it lies in one of these folders. Raises Problem."""
    text = body.get("path")
    if not isinstance(text, str) or not text or "\0" in text or len(text) > 4096:
        raise invalid("path: is no path")
    try:
        path, allowed = Path(text).resolve(), [folder.resolve() for folder in folders]
    except (OSError, RuntimeError, ValueError) as error:
        raise invalid("path: is no path") from error
    if not any(path.is_relative_to(folder) for folder in allowed):
        raise Problem(403, "forbidden", NOT_HERE)
    return path
