"""Scan long recordings, and hand out what was found: as JSON lines, as reports, as sound."""

from collections import deque
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from songradar import history
from songradar.events import Begun, Event, Replaced, Step
from songradar.reports.errors import TooManyTracks
from songradar.reports.formats import FORMATS
from songradar.reports.records import record
from songradar.scan import ScanOptions, scan
from songradar.songs import media_type
from songradar.web.lines import Records, lines_about, stored
from songradar.web.operations import CHOICE, PARTS, TEXT, Call, Operation, Parameter, last_part, lines_of, sound_or
from songradar.web.problems import invalid, not_found
from songradar.web.receiving import Upload
from songradar.web.routes.history import SCAN
from songradar.web.service import RECORDINGS

MEDIA_TYPES = {"json": "application/x-ndjson", "csv": "text/csv", "vtt": "text/vtt", "m3u": "audio/mpegurl"}
"""Media types of reports; the others are plain text."""


async def scan_recording(call: Call) -> Response:
    options = ScanOptions(
        call["encoder"], call["artist"], call["collection"], call["min_played"], call["from_s"], call["to_s"],
        call["began"], keep=call["keep"] and await call.service.may_keep(),
    )  # fmt: skip
    if options.to_s is not None and options.to_s <= options.from_s:
        raise invalid("to_s: does not lie behind from_s")
    encoder = partial(call.service.catalogue.encoder, options.encoder, to_search=True)
    await run_in_threadpool(encoder)  # one that is unknown is told at once
    bounded = replace(options, bounds=call.service.options.stored)

    def of_upload(upload: Upload) -> Records:
        if options.keep and call["keep_recording"]:
            return stored(upload, call.service.uploads(RECORDINGS), lambda path: records(call, path, bounded), is_kept)
        return records(call, upload.path, bounded, upload.name)

    return await lines_about(call, lambda path: records(call, path, options), of_upload)


def is_kept(record: dict[str, Any]) -> bool:
    """Whether there is a scan that the recording belongs to."""
    return "scan_id" in record


def records(call: Call, path: Path, options: ScanOptions, name: str | None = None) -> Records:
    """The scan's number, if it is kept; each playing, as `songradar scan --json` tells it; steps between them.

    The recording is called by `name` [its path].
    """
    told: deque[dict[str, Any]] = deque()

    def listen(event: Event) -> None:
        if isinstance(event, Begun):
            told.append({"scan_id": event.scan_id})
        elif isinstance(event, Step):
            told.append({"step": event.number, "steps": event.total})
        elif isinstance(event, Replaced):
            call.service.discard_recording(event.recording)

    for playing in scan(call.service.catalogue, path, options, listen, name):
        yield from drained(told)
        yield record(name or str(path), playing, options.began_at)
    yield from drained(told)


def drained(told: "deque[dict[str, Any]]") -> Records:
    while told:
        yield told.popleft()


async def report_scan(call: Call) -> Response:
    found = await run_in_threadpool(found_scan, call)
    form, name = FORMATS[call["format"]], str(last_part(found["recording"]))

    def report() -> str:
        return "".join(history.report(call.service.catalogue, found, form, name))

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
            " broken off goes on from there when the same is asked again. A finished one takes the place of earlier"
            " ones of the same recording that tell no more of it; a stretch that one holds already is not kept."
        ),
        scope="write",
        parameters=(
            *CHOICE,
            Parameter("min_played", SECONDS | {"default": 0}, "Leave out what is played for fewer seconds."),
            Parameter("from_s", SECONDS | {"default": 0}, "Begin there, in seconds."),
            Parameter("to_s", SECONDS, "End there."),
            Parameter("began", {"type": "string", "format": "date-time"}, "When the recording began."),
            Parameter(
                "keep",
                {"type": "boolean", "default": True},
                "Keep what was played when in the database, if the server may.",
            ),
            Parameter(
                "keep_recording",
                {"type": "boolean", "default": False},
                "Keep a recording that is sent as a file, too, so that it can be heard: as long as the scan, but no"
                " more days than GET /scans tells.",
            ),
            Parameter("name", TEXT, "What to call a recording that is the body."),
        ),
        body=sound_or("Path"),
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
        answers=PARTS,
        problems=(404, 416, 422),
    ),
]
