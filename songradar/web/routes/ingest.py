"""Add songs: files that are uploaded, or that lie on the server where its operator allows it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from songradar.ingest import IngestOptions, ingest
from songradar.outcomes import FileOutcome, Tally
from songradar.records import of_outcome, of_tally
from songradar.untrusted import UNBOUNDED
from songradar.web.lines import Records, lines_about, stored
from songradar.web.operations import NAME, TEXT, Call, Operation, Parameter, lines_of, sound_or
from songradar.web.problems import Problem
from songradar.web.receiving import Upload
from songradar.web.service import SONGS


async def ingest_songs(call: Call) -> Response:
    options = IngestOptions(1, call["encoder"], call["collection"], skip_duplicates=call["skip_duplicates"])
    if options.encoder is not None:
        await run_in_threadpool(call.service.catalogue.encoder, options.encoder)  # one that is unknown is told at once
    bounded = replace(options, bounds=call.service.options.stored)

    def of_upload(upload: Upload) -> Records:
        return stored(upload, call.service.uploads(SONGS), lambda path: records(call, path, bounded), is_new)

    return await lines_about(call, lambda path: records(call, path, options), of_upload)


def is_new(record: dict[str, Any]) -> bool:
    """Whether a file that was sent has become a song's."""
    return record.get("outcome") in ("added", "replaced", "moved")


def records(call: Call, path: Path, options: IngestOptions) -> Records:
    """A record for each file, and a summary as the last, as `songradar ingest --json` gives them.

    An uploaded file, which alone has bounds, that cannot be a song raises Problem.
    """
    tally = Tally()
    for outcome in ingest(call.service.catalogue, path, options):
        if outcome.outcome == "failed" and options.bounds != UNBOUNDED:
            raise Problem(422, "unreadable-audio", f"{path.name}: {outcome.reason}")
        tally.add(outcome)
        yield of_outcome(outcome) | progress_of(outcome)
    yield of_tally(tally)


def progress_of(outcome: FileOutcome) -> dict[str, Any]:
    return {"number": outcome.number, "total": outcome.total}


OPERATIONS = [
    Operation(
        "POST",
        "/ingest",
        ingest_songs,
        "Add songs to the catalogue.",
        "songs",
        description=(
            "A file is sent in a form's field `file`, or as the body; or the path of a file or folder on the server is,"
            " as JSON, which has to lie where the operator allows it. The answer has a line of JSON for each file as"
            " soon as it is done, and a summary as the last. When the client goes, what is done stays."
        ),
        scope="write",
        parameters=(
            Parameter("encoder", NAME, "Encode with this encoder instead of the active one."),
            Parameter("collection", NAME, "Part of the catalogue that new songs go into."),
            Parameter(
                "skip_duplicates",
                {"type": "boolean", "default": False},
                "Leave out songs of which another file is there, whole.",
            ),
            Parameter("name", TEXT, "What to call a file that is the body."),
        ),
        body=sound_or("Path"),
        answers={200: ("What became of each file, as `songradar ingest --json` tells it.", lines_of("Outcome"))},
        problems=(400, 404, 408, 413, 422),
    )
]
