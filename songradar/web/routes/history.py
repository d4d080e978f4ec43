"""What was searched and scanned."""

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from songradar import history
from songradar.web.operations import LIMIT, OFFSET, TEXT, Call, Operation, Parameter, json_of
from songradar.web.problems import not_found

NUMBER = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
SCAN = Parameter("scan_id", NUMBER, "Number of the scan.", "path")
SEARCH = Parameter("search_id", NUMBER, "Number of the search.", "path")


async def list_searches(call: Call) -> Response:
    found, total = await run_in_threadpool(history.searches, call.service.catalogue, call["limit"], call["offset"])
    return call.answer({"searches": found, "total": total})


async def show_search(call: Call) -> Response:
    found = await run_in_threadpool(history.search, call.service.catalogue, call["search_id"])
    if found is None:
        raise not_found(f"there is no search number {call['search_id']}")
    return call.answer(found)


async def list_scans(call: Call) -> Response:
    found, total = await run_in_threadpool(history.scans, call.service.catalogue, call["limit"], call["offset"])
    return call.answer({"scans": found, "total": total, "recordings_days": call.service.options.recordings_days})


async def show_scan(call: Call) -> Response:
    found = await run_in_threadpool(history.scan, call.service.catalogue, call["scan_id"])
    if found is None:
        raise not_found(f"there is no scan number {call['scan_id']}")
    return call.answer(found)


async def remove_scan(call: Call) -> Response:
    def remove() -> None:
        found = history.scan(call.service.catalogue, call["scan_id"])
        if found is None or not history.remove_scan(call.service.catalogue, call["scan_id"]):
            raise not_found(f"there is no scan number {call['scan_id']}")
        call.service.discard_recording(found["recording"])

    await run_in_threadpool(remove)
    return Response(status_code=204)


async def list_plays(call: Call) -> Response:
    found, total = await run_in_threadpool(
        history.plays, call.service.catalogue, call["limit"], call["offset"], scan_id=call["scan_id"],
        song_id=call["song_id"], recording=call["recording"], since=call["from"], until=call["to"],
    )  # fmt: skip
    return call.answer({"plays": found, "total": total})


async def plays_of_scan(call: Call) -> Response:
    await show_scan(call)
    found, total = await run_in_threadpool(
        history.plays, call.service.catalogue, call["limit"], call["offset"], scan_id=call["scan_id"]
    )
    return call.answer({"plays": found, "total": total})


OPERATIONS = [
    Operation(
        "GET",
        "/searches",
        list_searches,
        "List kept searches, the newest first.",
        "searches",
        parameters=(LIMIT, OFFSET),
        answers={200: ("The searches with their candidates, and how many searches there are.", json_of("Searches"))},
        problems=(422,),
    ),
    Operation(
        "GET",
        "/searches/{search_id}",
        show_search,
        "Show one of them.",
        "searches",
        parameters=(SEARCH,),
        answers={200: ("The search with its candidates.", json_of("Search"))},
        problems=(404, 422),
    ),
    Operation(
        "GET",
        "/scans",
        list_scans,
        "List scans of long recordings, the newest first.",
        "scans",
        parameters=(LIMIT, OFFSET),
        answers={200: ("The scans, how many there are, and for how many days recordings are kept.", json_of("Scans"))},
        problems=(422,),
    ),
    Operation(
        "GET",
        "/scans/{scan_id}",
        show_scan,
        "Show a scan.",
        "scans",
        parameters=(SCAN,),
        answers={200: ("The scan.", json_of("Scan"))},
        problems=(404, 422),
    ),
    Operation(
        "DELETE",
        "/scans/{scan_id}",
        remove_scan,
        "Remove a scan with its playings, and its recording if that was uploaded and kept, and no other scan is of it.",
        "scans",
        scope="write",
        parameters=(SCAN,),
        answers={204: ("It is gone.", {})},
        problems=(404, 422),
    ),
    Operation(
        "GET",
        "/scans/{scan_id}/plays",
        plays_of_scan,
        "What was played when in a recording.",
        "scans",
        parameters=(SCAN, LIMIT, OFFSET),
        answers={200: ("The playings in order of their start, and how many there are.", json_of("Plays"))},
        problems=(404, 422),
    ),
    Operation(
        "GET",
        "/plays",
        list_plays,
        "What was played when, in all recordings.",
        "scans",
        parameters=(
            Parameter("scan_id", NUMBER, "Only in this scan."),
            Parameter("song_id", {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}, "Only this song."),
            Parameter("recording", {**TEXT, "maxLength": 4096}, "Only in this recording, named in full."),
            Parameter("from", {"type": "string", "format": "date-time"}, "Only what is heard after this moment."),
            Parameter("to", {"type": "string", "format": "date-time"}, "Only what is heard before this moment."),
            LIMIT,
            OFFSET,
        ),
        answers={200: ("The playings in order of their time, and how many there are.", json_of("Plays"))},
        problems=(422,),
    ),
]
