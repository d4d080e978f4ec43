"""songradar evaluate: how often encoders name recordings rightly, through the real search path."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.ingest import WORKERS
from cli.output import percent, print_table, progress, warn

if TYPE_CHECKING:
    import psycopg

    from db.encoders import NewEncoder
    from db.search import Question, StoredEncoder
    from ml.audio import Wave
    from ml.conditions import Condition, Surroundings
    from ml.encoder import Encoder
    from ml.evaluation import Answer, Outcome, Score
    from ml.files import AudioFile
    from ml.queries import Query, Song

FOLDER = click.Path(path_type=Path)


class Seconds(click.ParamType[tuple[float, ...]]):
    """Lengths such as 1,2.5,10."""

    name = "LIST"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            lengths = tuple(sorted({float(part) for part in str(value).split(",")}))
        except ValueError:
            lengths = ()
        if not lengths or not 0 < lengths[0] <= lengths[-1] <= 600:
            self.fail(f"{value!r} is no list of seconds such as 1,2,5", param, ctx)
        return lengths


@click.command()
@click.option("--music", metavar="DIR", required=True, multiple=True, type=FOLDER, help="Songs; may be repeated.")
@click.option(
    "--distractors", metavar="DIR", multiple=True, type=FOLDER, help="More songs for the catalogue, never asked for."
)
@click.option("--noise", metavar="DIR", multiple=True, type=FOLDER, help="Recordings of noise [pink noise is made].")
@click.option(
    "--ir", metavar="DIR", multiple=True, type=FOLDER, help="Impulse responses; without, nothing is played in rooms."
)
@click.option(
    "--encoder",
    "names",
    metavar="NAME|DIR",
    multiple=True,
    help="Encoder of your catalogue, one in the package, or a folder of one; may be repeated [the shipped one].",
)
@click.option("--seconds", type=Seconds(), default="1,2,3,5,10", show_default=True, help="Lengths of the queries.")
@click.option("--per-condition", type=click.IntRange(1), default=100, show_default=True, help="Queries of each length.")
@click.option(
    "--absent",
    type=click.FloatRange(0, 0.9),
    default=0.2,
    show_default=True,
    help="Share of songs not in the catalogue.",
)
@click.option(
    "--only", metavar="FILE", type=click.Path(path_type=Path), help="Use only files named in FILE, one name a line."
)
@click.option("--seed", default=0, show_default=True, help="Seed of all that is drawn.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Write evaluation.json and plots there.")
@WORKERS
def evaluate(
    music: tuple[Path, ...],
    distractors: tuple[Path, ...],
    noise: tuple[Path, ...],
    ir: tuple[Path, ...],
    names: tuple[str, ...],
    seconds: tuple[float, ...],
    per_condition: int,
    absent: float,
    only: Path | None,
    seed: int,
    out: Path | None,
    workers: int,
) -> None:
    """Fill a temporary catalogue with songs, record pieces of them under named conditions, and search for these.

    Prints how many were named rightly, by condition and length, with 95 % intervals; how many recordings of songs that
    the catalogue does not hold were named all the same; how exact the offsets are; and how long a search takes.

    \b
    songradar evaluate --music ~/Music --noise ~/noise --ir ~/responses
    songradar evaluate --music ~/Music --encoder siamese --encoder runs/mine --seconds 5,10
    """
    from cli.temporary import fill, temporary_catalogue
    from db.engine import connect
    from ml.queries import questions

    if out is not None:
        from ml.training import plots  # noqa: F401 - that matplotlib is missing is told before the work, not after it

    keep = set(only.read_text("utf-8").splitlines()) if only else None
    found = distinct(audio_in(music, keep))
    if not found:
        raise click.UsageError("--music: no song is left to evaluate on")
    around = surroundings(noise, ir, keep)
    conditions = usable_conditions(around)
    encoders = [choose_encoder(name) for name in names or (None,)]
    if len({new.name for new in encoders}) < len(encoders):
        raise click.UsageError("--encoder: two encoders of one name")
    missing, present = divide(found, absent, seed)
    others = distinct(audio_in(distractors, None), found)
    with temporary_catalogue(), connect() as connection:
        searches = {}
        for new in encoders:
            stored, loaded = fill(connection, new, [file.path for file in (*present, *others)], workers)
            searches[new.name] = partial(answer, connection=connection, stored=stored, encoder=loaded)
        songs, strangers = known_songs(connection, present), absent_songs(missing)
        asked = songs + strangers
        queries, total = questions(asked, conditions, seconds, per_condition, per_condition, around, [seed])
        outcomes = search_all(queries, searches, total)
    for name, mine in outcomes.items():
        beside = f" beside {len(others)} others" if others else ""
        click.echo(f"\n{name}: {len(songs)} songs in the catalogue{beside}, {len(strangers)} absent")
        print_hits(mine)
        print_answers(mine)
    if out is not None:
        facts = {"seed": seed, "songs": len(songs), "distractors": len(others), "absent_songs": len(strangers)}
        write_report(outcomes, facts, out)
        click.echo(f"\n{out}: evaluation.json, roc.png and reliability.png written")


def audio_in(folders: Sequence[Path], keep: set[str] | None) -> "list[AudioFile]":
    """The audio files in `folders`, or those of them whose name is in `keep`; what cannot be used is told."""
    from ml.files import Failure, audio_files

    found = []
    for item in audio_files(folders):
        if isinstance(item, Failure):
            warn(str(item))
        elif keep is None or item.name in keep:
            found.append(item)
    return found


def distinct(files: "Sequence[AudioFile]", others: "Sequence[AudioFile]" = ()) -> "list[AudioFile]":
    """One file of each content, and none with that of one of `others`: a copy of an absent song would be found."""
    from ml.errors import AudioReadError
    from ml.files import sha256

    seen, kept = {sha256(file.path) for file in others}, []
    for file in files:
        try:
            content = sha256(file.path)
        except AudioReadError as error:
            warn(str(error))
            continue
        if content not in seen:
            seen.add(content)
            kept.append(file)
    return kept


def surroundings(noise: Sequence[Path], ir: Sequence[Path], keep: set[str] | None) -> "Surroundings":
    """Noises and responses at the rate of queries."""
    from ml.conditions import Surroundings
    from ml.noise import read_noises
    from ml.queries import RATE_HZ

    noises = read_noises([file.path for file in audio_in(noise, keep)], RATE_HZ) if noise else ()
    return Surroundings.read(noises, [file.path for file in audio_in(ir, keep)], RATE_HZ)


def usable_conditions(around: "Surroundings") -> "list[Condition]":
    """All conditions, less those in rooms where there is no response of a room."""
    from ml.conditions import CONDITIONS, usable

    conditions = usable(CONDITIONS, around)
    if len(conditions) < len(CONDITIONS):
        warn("no impulse responses of rooms: conditions in rooms are left out")
    return conditions


def divide(files: "Sequence[AudioFile]", share: float, seed: int) -> "tuple[list[AudioFile], list[AudioFile]]":
    """`share` of the files, drawn at random, and the others; each in order of name."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(files))
    n_drawn = min(round(share * len(files)), len(files) - 1)
    drawn, rest = (sorted(part.tolist()) for part in (order[:n_drawn], order[n_drawn:]))
    return [files[i] for i in drawn], [files[i] for i in rest]


def known_songs(connection: "psycopg.Connection", files: "Sequence[AudioFile]") -> "list[Song]":
    """Those of `files` that the catalogue holds: what failed to be ingested cannot be asked for."""
    from ml.queries import Song

    stored: dict[str, float] = dict(connection.execute("SELECT source, duration_s FROM songradar.songs").fetchall())
    return [Song(file.path, file.source, stored[file.source]) for file in files if file.source in stored]


def absent_songs(files: "Sequence[AudioFile]") -> "list[Song]":
    """Songs that the catalogue does not hold; those that cannot be read are left out."""
    from ml.audio import read_audio
    from ml.errors import AudioReadError
    from ml.queries import RATE_HZ, Song

    songs = []
    for file in files:
        try:
            songs.append(Song(file.path, file.source, len(read_audio(file.path, RATE_HZ)) / RATE_HZ, is_absent=True))
        except AudioReadError as error:
            warn(str(error))
    return songs


def choose_encoder(name: str | None) -> "NewEncoder":
    """An encoder by folder, by its name in the package, or in the user's catalogue."""
    from cli.encoders import SHIPPED, read_folder, read_packed
    from db.encoders import read_whole
    from db.engine import engine

    if name is not None and Path(name).is_dir():
        return read_folder(Path(name))
    return read_packed(name or SHIPPED) or read_whole(engine(), str(name))


def answer(
    wave: "Wave", connection: "psycopg.Connection", stored: "StoredEncoder", encoder: "Encoder"
) -> "Answer | None":
    """Search a recording as `songradar search` does; None when it is too short or too quiet for the encoder."""
    from db.search import find_matches
    from ml.evaluation import Answer

    started = time.perf_counter()
    asked = question(wave, stored, encoder)
    if asked is None:
        return None
    encoded = time.perf_counter()
    matches = find_matches(connection, asked)
    return Answer(matches, 1000 * (encoded - started), 1000 * (time.perf_counter() - encoded))


def question(wave: "Wave", stored: "StoredEncoder", encoder: "Encoder") -> "Question | None":
    """A recording as match_v1 takes it; None when it is too short or too quiet for the encoder."""
    from db.search import Question
    from ml.audio import resample
    from ml.errors import ClipTooShort, SilentAudio
    from ml.queries import RATE_HZ

    try:
        fingerprint = encoder.fingerprint_query([resample(wave, RATE_HZ, encoder.spec.sample_rate_hz)])
    except (ClipTooShort, SilentAudio):
        return None
    return Question(stored.id, fingerprint.embeddings, fingerprint.offsets_s, limit=2)


def search_all(
    queries: "Iterable[Query]", searches: "Mapping[str, Callable[[Wave], Answer | None]]", total: int
) -> "dict[str, list[Outcome]]":
    """Put every query to every encoder; outcomes by the encoder's name, less those that are ambiguous."""
    from ml.evaluation import judge

    outcomes: dict[str, list[Outcome]] = {name: [] for name in searches}
    with progress("searching", total) as advance:
        for query in queries:
            for name, search in searches.items():
                outcomes[name].append(judge(query, search(query.wave)))
            advance()
    for name, mine in outcomes.items():
        left_out = sum(outcome.ambiguous for outcome in mine)
        if left_out:
            warn(
                f"{name}: {left_out} recordings of absent songs left out: a song in the catalogue sounds the same there"
            )
    return {name: [outcome for outcome in mine if not outcome.ambiguous] for name, mine in outcomes.items()}


def print_hits(outcomes: "Sequence[Outcome]") -> None:
    """Share of recordings named rightly (top-1), and share of these that are accepted, by condition and length."""
    from ml.conditions import CONDITIONS
    from ml.evaluation import scores, wilson_interval

    found = [score for score in scores(o for o in outcomes if o.query.source) if score.n_searched]
    lengths = sorted({outcome.query.seconds for outcome in outcomes})
    asked = [condition for condition in CONDITIONS if condition.name in {score.condition for score in found}]
    everyday = {condition.name for condition in asked if condition.everyday}
    rows = [(condition.name, {condition.name}) for condition in asked]

    def share(n_hits: int, n: int) -> str:
        if not n:
            return "-"
        low, high = wilson_interval(n_hits, n)
        return f"{percent(n_hits / n)} ({100 * low:.0f}-{100 * high:.0f})"

    def right(mine: "Sequence[Score]") -> str:
        return share(sum(score.n_right for score in mine), sum(score.n_queries for score in mine))

    def accepted(mine: "Sequence[Score]") -> str:
        return share(sum(score.n_right_accepted for score in mine), sum(score.n_right for score in mine))

    def table(title: str, rows: "Iterable[tuple[str, set[str]]]", cell: "Callable[[Sequence[Score]], str]") -> None:
        cells = [
            (label, *(cell([s for s in found if s.condition in names and s.seconds == length]) for length in lengths))
            for label, names in rows
        ]
        print_table((title, *(f"{length:g} s" for length in lengths)), cells)

    table("named rightly, 95 % interval", rows, right)
    click.echo()
    table("of these, accepted", [*rows, ("clean to 0 dB, phone", everyday)], accepted)


def print_answers(outcomes: "Sequence[Outcome]") -> None:
    """What a user meets, by length: answers given, wrong names, errors of offset, time."""
    from ml.evaluation import Summary, summaries

    def row(label: str, value: "Callable[[Summary], str]") -> tuple[str, ...]:
        return (label, *(value(summary) if summary.n_searched else "-" for summary in found))

    found = summaries(outcomes)
    click.echo()
    print_table(
        ("all conditions", *(f"{summary.seconds:g} s" for summary in found)),
        [
            row("song in the catalogue, wrong song named", lambda s: percent(s.wrongly_named)),
            row("absent song, or no music: falsely named", lambda s: f"{s.n_false_accepts} of {s.n_absent}"),
            row("right song, at another place that sounds the same", lambda s: percent(s.same_sound)),
            row(
                "error of offset, of the others: median, 95 %",
                lambda s: f"{s.offset_error_s[0]:.2f}, {s.offset_error_s[1]:.2f} s",
            ),
            row("encoding, ms: median, 95 %", lambda s: f"{s.encode_ms[0]:.0f}, {s.encode_ms[1]:.0f}"),
            row("match_v1, ms: median, 95 %", lambda s: f"{s.search_ms[0]:.0f}, {s.search_ms[1]:.0f}"),
        ],
    )


def write_report(outcomes: "Mapping[str, Sequence[Outcome]]", facts: "Mapping[str, object]", out: Path) -> None:
    """evaluation.json with all counts, roc.png and reliability.png."""
    from ml.evaluation import scores, summaries
    from ml.training.plots import draw_reliability, draw_roc

    out.mkdir(parents=True, exist_ok=True)
    encoders = {
        name: {"cells": [asdict(score) for score in scores(mine)], "lengths": [asdict(s) for s in summaries(mine)]}
        for name, mine in outcomes.items()
    }
    (out / "evaluation.json").write_text(json.dumps({**facts, "encoders": encoders}, indent=2) + "\n")
    draw_roc(outcomes, out / "roc.png")
    draw_reliability(outcomes, out / "reliability.png")
