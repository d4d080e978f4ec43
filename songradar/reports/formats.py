"""All formats of reports, by name.

>>> form = FORMATS["m3u"]
>>> print(form.head(None), *form.tell("mix.mp3", [], None), sep="", end="")
#EXTM3U
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from songradar.reports import exchange, records, table
from songradar.timeline import Playing

Teller: TypeAlias = Callable[[str, Iterable[Playing], datetime | None], Iterator[str]]
"""A recording's name, its playings in order of their start, and when it began, if that is known; pieces of text."""


@dataclass(frozen=True)
class Format:
    """How a report looks. `head` stands once before all recordings, of which some formats hold only one.

    All but CUE sheets are streamed: a piece of text comes as soon as its playing does, or the next one.
    """

    suffix: str
    tell: Teller
    head: Callable[[datetime | None], str] = lambda _began: ""
    holds_many: bool = False


FORMATS = {
    "table": Format(".txt", table.table, table.head, holds_many=True),
    "json": Format(".jsonl", records.json_lines, holds_many=True),
    "csv": Format(".csv", records.csv_rows, records.csv_head, holds_many=True),
    "cue": Format(".cue", exchange.cue),
    "labels": Format(".txt", exchange.labels),
    "m3u": Format(".m3u8", exchange.m3u, lambda _began: "#EXTM3U\n", holds_many=True),
    "vtt": Format(".vtt", exchange.vtt, lambda _began: "WEBVTT\n\n"),
    "chapters": Format(".ffmeta", exchange.chapters, lambda _began: ";FFMETADATA1\n"),
    "tracklist": Format(".txt", exchange.tracklist),
}
