"""Scan long recordings, and hand out what was found: as JSON lines, as reports, as sound."""

from collections import deque
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from songradar import history
from songradar.events import Begun, Event, Step
from songradar.reports.errors import TooManyTracks
from songradar.reports.formats import FORMATS
from songradar.reports.records import record
from songradar.scan import ScanOptions, scan
from songradar.songs import media_type
from songradar.uploads import store_upload
from songradar.web.lines import Lines, Records
from songradar.web.operations import NAME, TEXT, Call, Operation, Parameter, last_part, lines_of, ref
from songradar.web.problems import invalid, not_found
from songradar.web.receiving import allowed_path, json_object, media_type_of, uploaded
from songradar.web.routes.history import SCAN
from songradar.web.service import RECORDINGS

MEDIA_TYPES = {"json": "application/x-ndjson", "csv": "text/csv", "vtt": "text/vtt", "m3u": "audio/mpegurl"}
"""Media types of reports; the others are plain text."""


async def scan_recording(call: Call) -> Response:
    options = ScanOptions(
        call["encoder"], call["artist"], call["collection"], call["min_played"], call["from_s"], call["to_s"],
        call["began"], keep=call["keep"] and call.service.may_keep,
    )  # fmt: skip
    if options.to_s is not None and options.to_s <= options.from_s:
        raise invalid("to_s: does not lie behind from_s")
    bounds = call.service.options
    await run_in_threadpool(call.service.catalogue.encoder, options.encoder)  # one that is unknown is told at once
    async with AsyncExitStack() as stack:
        if media_type_of(call.request) == "application/json":
            path = allowed_path(await json_object(call.request, bounds.body_s), bounds.folders)
            await stack.enter_async_context(call.service.long_work.taken())
            return Lines(call, lambda: records(call, path, options), stack.pop_all())
        folder = call.service.uploads(RECORDINGS)
        upload = await stack.enter_async_context(uploaded(call))
        await stack.enter_async_context(call.service.long_work.taken())
        return Lines(call, lambda: of_upload(call, upload.path, folder, upload.name, options), stack.pop_all())


def of_upload(call: Call, path: Path, folder: Path, name: str, options: ScanOptions) -> Records:
    """Scan a file that was sent, and keep it beside what is kept of the scan, so that it can be heard."""
    with store_upload(path, folder, name) as stored:
        for one in records(call, stored.path, options):
            if "scan_id" in one:
                stored.keep()
            yield one


def records(call: Call, path: Path, options: ScanOptions) -> Records:
    """The scan's number, if it is kept; each playing, as `songradar scan --json` tells it; steps between them."""
    told: deque[dict[str, Any]] = deque()

    def listen(event: Event) -> None:
        if isinstance(event, Begun):
            told.append({"scan_id": event.scan_id})
        elif isinstance(event, Step):
            told.append({"step": event.number, "steps": event.total})

    for playing in scan(call.service.catalogue, path, options, listen):
        yield from drained(told)
        yield record(str(path), playing, options.began_at)
    yield from drained(told)


def drained(told: "deque[dict[str, Any]]") -> Records:
    while told:
        yield told.popleft()


async def report_scan(call: Call) -> Response:
    found = await run_in_threadpool(found_scan, call)
    form, name = FORMATS[call["format"]], str(last_part(found["recording"]))
    began = datetime.fromisoformat(found["began_at"]) if found["began_at"] else None

    def report() -> str:
        playings = history.playings(call.service.catalogue, call["scan_id"])
        return form.head(began) + "".join(form.tell(name, playings, began))

    try:
        text = await run_in_threadpool(report)
    except TooManyTracks as error:
        raise invalid(str(error)) from error
    headers = {"Content-Disposition": f'attachment; filename="scan-{call["scan_id"]}{form.suffix}"'}
    return Response(text, headers=headers, media_type=MEDIA_TYPES.get(call["format"], "text/plain"))


def found_scan(call: Call) -> dict[str, Any]:
    """The scan. Raises Problem."""
    found = history.scan(call.service.catalogue, call["scan_id"])
    if found is None:
        raise not_found(f"there is no scan number {call['scan_id']}")
    return found


async def hear_scan(call: Call) -> Response:
    found = await run_in_threadpool(found_scan, call)
    path = await run_in_threadpool(history.recording_file, call.service.catalogue, found)
    if path is None:
        raise not_found("the recording is not on this server, or has changed")
    return FileResponse(path, media_type=media_type(path), headers={"Cache-Control": "private"})


SECONDS = {"type": "number", "minimum": 0, "maximum": 1e7}

OPERATIONS = [
    Operation(
        "POST",
        "/scans",
        scan_recording,
        "Tell what was played when in a long recording.",
        "scans",
        description=(
            "The recording is sent, or its path is, as with POST /ingest. The answer has lines of JSON: the scan's"
            " number, if it is kept; playings as soon as they are over; and how far the scan has come. One that is"
            " broken off goes on from there when the same is asked again."
        ),
        scope="write",
        parameters=(
            Parameter("encoder", NAME, "Search with this encoder instead of the active one."),
            Parameter("artist", NAME, "Look only among this artist's songs."),
            Parameter("collection", NAME, "Look only among the songs of this collection."),
            Parameter("min_played", SECONDS | {"default": 0}, "Leave out what is played for fewer seconds."),
            Parameter("from_s", SECONDS | {"default": 0}, "Begin there, in seconds."),
            Parameter("to_s", SECONDS, "End there."),
            Parameter("began", {"type": "string", "format": "date-time"}, "When the recording began."),
            Parameter("keep", {"type": "boolean", "default": True}, "Keep the scan in the database, if it may."),
            Parameter("name", TEXT, "What to call a recording that is the body."),
        ),
        body={
            "multipart/form-data": ref("FileForm"),
            "application/json": ref("Path"),
            "application/octet-stream": {"type": "string", "format": "binary"},
            "audio/*": {"type": "string", "format": "binary"},
        },
        answers={200: ("What was played when.", lines_of("ScanLine"))},
        problems=(400, 404, 408, 409, 413, 422),
    ),
    Operation(
        "GET",
        "/scans/{scan_id}/report",
        report_scan,
        "A scan's playings in a format for people, players or editors.",
        "scans",
        parameters=(
            SCAN,
            Parameter("format", {"type": "string", "enum": list(FORMATS), "default": "csv"}, "The format."),
        ),
        answers={200: ("The report, to be saved.", {"text/*": {"type": "string"}})},
        problems=(404, 422),
    ),
    Operation(
        "GET",
        "/scans/{scan_id}/audio",
        hear_scan,
        "The recording, if it is on the server; parts of it by Range.",
        "scans",
        parameters=(SCAN,),
        answers={
            200: ("The file.", {"audio/*": {"type": "string", "format": "binary"}}),
            206: ("A part of it.", {"audio/*": {"type": "string", "format": "binary"}}),
        },
        problems=(404, 416, 422),
    ),
]
