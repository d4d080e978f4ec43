"""songradar search: name recordings."""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import clock, named, percent, print_json, shown, warn

if TYPE_CHECKING:
    import psycopg

    from db.search import Match, StoredEncoder
    from ml.audio import Wave
    from ml.encoder import Encoder


@dataclass(frozen=True)
class Answer:
    """What a search brought; `matches` ranked, the first of them accepted or not; PostgreSQL's `plan` if asked for."""

    duration_s: float
    matches: "list[Match]"
    timings_ms: dict[str, float] = field(default_factory=dict)
    plan: list[str] = field(default_factory=list)

    @property
    def matched(self) -> bool:
        return bool(self.matches) and self.matches[0].accepted


@dataclass(frozen=True)
class How:
    """What is asked of a search beside its recording; `songs` are the numbers of those to look among [all]."""

    limit: int
    exact: bool = False
    songs: list[int] | None = None
    explained: bool = False


@click.command()
@click.argument("clips", metavar="CLIP...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-n", "--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="Candidates to show.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each CLIP, in the order given.")
@click.option("--encoder", metavar="NAME", help="Search with this encoder instead of the active one.")
@click.option("--artist", metavar="NAME", help="Look only among this artist's songs.")
@click.option("--collection", metavar="NAME", help="Look only among the songs of this collection.")
@click.option("--no-save", is_flag=True, help="Do not keep the search in the database.")
@click.option("--exact", is_flag=True, help="Compare with every fragment of the catalogue instead of asking the index.")
@click.option("--explain", is_flag=True, help="Tell what each stage took, and PostgreSQL's plan of the search.")
def search(
    clips: tuple[Path, ...],
    limit: int,
    as_json: bool,
    encoder: str | None,
    artist: str | None,
    collection: str | None,
    no_save: bool,
    exact: bool,
    explain: bool,
) -> None:
    """Name the song that each CLIP is a piece of.

    \b
    songradar search recording.m4a
    songradar search --json *.ogg | jq 'select(.matched) | .matches[0].title'
    songradar search --collection archive --explain recording.m4a

    Exit code 0: every clip matched; 1: some clip had no match; 2: some clip could not be searched.
    """
    from cli.encoders import open_encoder
    from db.engine import connect
    from db.errors import SearchNotKept
    from db.search import songs_of, why_not_kept
    from ml.errors import AudioError, AudioReadError
    from ml.files import text_of
    from ml.memory import bounded_memory

    exit_code = 0
    with connect() as connection:
        stored, loaded = open_encoder(connection, encoder)
        how = How(limit, exact, songs_of(connection, artist, collection), explain)
        reason = None if no_save else why_not_kept(connection)
        if reason:
            warn(reason)
        save = not (no_save or reason)
        for clip in clips:
            try:
                with bounded_memory():
                    answer = identify(clip, connection, stored, loaded, how)
            except AudioError as error:
                exit_code = 2
                reason = error.reason if isinstance(error, AudioReadError) else str(error)
                report_error(text_of(clip), reason, as_json=as_json)
                continue
            exit_code = max(exit_code, 0 if answer.matched else 1)
            if not answer.matches:
                warn(f"encoder {stored.name} has heard no songs yet: songradar ingest --encoder {stored.name} PATH")
            (print_answer_json if as_json else print_answer)(text_of(clip), stored.name, answer)
            if save:
                try:
                    keep(answer, text_of(clip), connection, stored)
                except SearchNotKept as error:
                    warn(f"{text_of(clip)}: {error}")
    sys.exit(exit_code)


def identify(
    clip: Path,
    connection: "psycopg.Connection",
    stored: "StoredEncoder",
    encoder: "Encoder",
    how: How,
) -> Answer:
    """Decode, encode and search one clip. Raises AudioError."""
    from db.search import Question, explain, find_matches
    from ml.audio import decode

    started = time.perf_counter()
    stopwatch = Stopwatch(decode(clip, encoder.spec.sample_rate_hz))
    fingerprint = encoder.fingerprint_query(stopwatch)
    encoded = time.perf_counter()
    question = Question(stored.id, fingerprint.embeddings, fingerprint.offsets_s, how.limit, how.exact, how.songs)
    matches = find_matches(connection, question)
    ended = time.perf_counter()
    timings_ms = {
        "decode": 1000 * stopwatch.spent_s,
        "encode": 1000 * (encoded - started - stopwatch.spent_s),
        "search": 1000 * (ended - encoded),
        "total": 1000 * (ended - started),
    }
    timings_ms = {stage: round(ms, 1) for stage, ms in timings_ms.items()}
    plan = explain(connection, question) if how.explained else []
    return Answer(fingerprint.duration_s, matches, timings_ms, plan)


def keep(answer: Answer, query: str, connection: "psycopg.Connection", stored: "StoredEncoder") -> None:
    """Write an answer that the user has seen into the database. Raises SearchNotKept."""
    from db.search import save_search

    save_search(connection, query, answer.duration_s, stored.id, answer.timings_ms, answer.matches)


class Stopwatch:
    """Passes blocks on and adds up the time it took to make them."""

    def __init__(self, blocks: "Iterable[Wave]") -> None:
        self._blocks = iter(blocks)
        self.spent_s = 0.0

    def __iter__(self) -> "Iterator[Wave]":
        return self

    def __next__(self) -> "Wave":
        started = time.perf_counter()
        try:
            return next(self._blocks)
        finally:
            self.spent_s += time.perf_counter() - started


def report_error(clip: str, reason: str, *, as_json: bool) -> None:
    warn(f"{clip}: {reason}")
    if as_json:
        print_json({"query": clip, "error": reason})


def print_answer_json(clip: str, encoder: str, answer: Answer) -> None:
    print_json(
        {
            "query": clip,
            "duration_s": round(answer.duration_s, 3),
            "encoder": encoder,
            "matched": answer.matched,
            "matches": [match_record(match) for match in answer.matches],
            "timings_ms": answer.timings_ms,
            **({"plan": answer.plan} if answer.plan else {}),
        }
    )


def match_record(match: "Match") -> dict[str, Any]:
    record = {key: value for key, value in asdict(match).items() if key not in ("margin", "n_fragments", "accepted")}
    digits = {"offset_s": 3, "confidence": 6, "score": 4, "coverage": 4}
    return {key: round(value, digits[key]) if key in digits else value for key, value in record.items()}


def print_answer(clip: str, _encoder: str, answer: Answer) -> None:
    seconds = f"{answer.timings_ms['total'] / 1000:.2f} s"
    if answer.matched:
        best = answer.matches[0]
        where = f"from {clock(best.offset_s)}, confidence {percent(best.confidence)}, {seconds}"
        click.echo(f"{shown(clip)}: {click.style(named(best.title, best.artist), bold=True)} ({where})")
    else:
        click.echo(f"{shown(clip)}: {click.style('no match', bold=True)} ({seconds})")
    for match in answer.matches[1 if answer.matched else 0 :]:
        place = f"{clock(match.offset_s):>7}  {percent(match.confidence):>6}"
        click.echo(f"    {'or' if answer.matched else 'nearest':<8}{place}  {named(match.title, match.artist)}")
    if answer.plan:
        click.echo("    " + ", ".join(f"{stage} {ms} ms" for stage, ms in answer.timings_ms.items()))
        click.echo("\n".join(f"    {line}" for line in answer.plan))
