"""Name the song that a recording is a piece of."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from songradar.errors import SearchNotKept
from songradar.identify import Answer, Fragments, SearchOptions, identify_blocks, identify_fragments
from songradar.records import of_answer
from songradar.web.operations import CHOICE, NAME, TEXT, Call, Operation, Parameter, Schema, json_of, sound_or
from songradar.web.problems import invalid
from songradar.web.receiving import json_object, media_type_of, safe_name, uploaded

MOST_FRAGMENTS = 2048
"""Fragments of a recording that are taken; the search itself thins them."""

LARGEST = 1000.0
"""An embedding's numbers lie around 1; the database's type takes no more than 65,504."""


async def identify_recording(call: Call) -> Response:
    options = SearchOptions(
        call["limit"], call["encoder"], call["artist"], call["collection"], call["exact"], partial=call["partial"]
    )
    if media_type_of(call.request) == "application/json":
        answer = await _of_fragments(call, options)
    else:
        answer = await _of_audio(call, options)
    headers = {}
    if call["keep"]:
        try:
            number = await call.service.keep(answer)
        except SearchNotKept:
            number = None
        if number is not None:
            headers["Content-Location"] = f"/api/v1/searches/{number}"
    return call.answer(of_answer(answer), headers=headers)


async def _of_audio(call: Call, options: SearchOptions) -> Answer:
    service, bounds = call.service, call.service.options.searched
    encoder = await run_in_threadpool(service.catalogue.encoder, options.encoder, to_search=True)
    rate_hz = encoder.network.spec.sample_rate_hz
    chosen = replace(options, encoder=encoder.name)
    async with uploaded(call) as upload:

        def work() -> Answer:
            wave = service.decoders.blocks(upload.path, rate_hz, bounds, upload.name)
            return identify_blocks(service.catalogue, wave, chosen, upload.name)

        return await service.search(work)


async def _of_fragments(call: Call, options: SearchOptions) -> Answer:
    body = await json_object(call.request, call.service.options.body_s)
    name = text_in(body, "query", TEXT) or "recording"
    fragments = fragments_of(body)
    chosen = replace(options, encoder=text_in(body, "encoder", NAME) or options.encoder)
    return await call.service.search(identify_fragments, call.service.catalogue, fragments, chosen, safe_name(name))


def text_in(body: dict[str, Any], name: str, schema: Schema) -> str | None:
    """A text in JSON, if it is there and not null. Raises Problem."""
    text = body.get(name)
    if text is not None and not isinstance(text, str):
        raise invalid(f"{name}: is no text")
    found: str | None = Parameter(name, schema, "").read(text)
    return found


def fragments_of(body: dict[str, Any]) -> Fragments:
    """Embeddings and their offsets out of JSON. Raises Problem."""
    embeddings, offsets_s = numbers(body, "embeddings", 2), numbers(body, "offsets_s", 1)
    if embeddings.shape != (len(offsets_s), 64) or not 1 <= len(offsets_s) <= MOST_FRAGMENTS:
        raise invalid(
            f"embeddings: has the shape {embeddings.shape}; wanted are 64 numbers for each of the {len(offsets_s)}"
            f" offsets_s, of which there may be 1 to {MOST_FRAGMENTS}"
        )
    if np.abs(embeddings).max() > LARGEST or (np.diff(offsets_s) <= 0).any() or offsets_s[0] < 0 or offsets_s[-1] > 1e6:
        raise invalid("embeddings must be small numbers, and offsets_s ascend from 0 or more")
    duration_s = body.get("duration_s", float(offsets_s[-1]) + 1.0)
    if isinstance(duration_s, bool) or not isinstance(duration_s, int | float) or not 0 < duration_s < 1e6:
        raise invalid("duration_s: is no length of a recording in seconds")
    return Fragments(embeddings, offsets_s, float(duration_s))


def numbers(body: dict[str, Any], name: str, n_dimensions: int) -> NDArray[np.float32]:
    """An array of finite numbers. Raises Problem."""
    try:
        found = np.array(body[name], np.float64)
    except KeyError as error:
        raise invalid(f"{name}: is missing") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise invalid(f"{name}: is no array of numbers, all of one length") from error
    if found.ndim != n_dimensions or not np.isfinite(found).all() or np.abs(found).max(initial=0) > math.pow(10, 9):
        raise invalid(f"{name}: is no array of {n_dimensions} dimension(s) of finite numbers")
    return found.astype(np.float32)


SEARCHING = (
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 5}, "Candidates to give."),
    *CHOICE,
    Parameter(
        "exact", {"type": "boolean", "default": False}, "Compare with every fragment instead of asking the index."
    ),
    Parameter("partial", {"type": "boolean", "default": False}, "Of a cluster, leave out shards that do not answer."),
    Parameter("keep", {"type": "boolean", "default": True}, "Keep the search in the database, if it may."),
)

OPERATIONS = [
    Operation(
        "POST",
        "/identify",
        identify_recording,
        "Name the song that a recording is a piece of.",
        "searches",
        description=(
            "The recording is sent in a form's field `file`, or as the body, in any format of sound or video; or its"
            " embeddings are, as JSON. Content-Location names the search, if it is kept."
        ),
        parameters=(*SEARCHING, Parameter("name", TEXT, "What to call a recording that is the body.")),
        body=sound_or("Embeddings"),
        answers={200: ("What it is, as `songradar search --json` tells it.", json_of("Answer"))},
        problems=(404, 408, 409, 413, 422),
    )
]
