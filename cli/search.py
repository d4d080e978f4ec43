"""songradar search: name recordings."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click

from songradar.catalogue import Catalogue
from songradar.cli.answers import print_answer, print_answer_json
from songradar.cli.fetching import name_of, opened
from songradar.cli.keeping import may_keep
from songradar.cli.options import ARTIST, COLLECTION, ENCODER
from songradar.cli.output import Failed, print_json, warn
from songradar.db.errors import SearchNotKept, ShardDown
from songradar.identify import Answer, SearchOptions, identify, keep
from songradar.ml.errors import AudioError, AudioReadError
from songradar.ml.files import Failure, audio_files, is_folder
from songradar.ml.memory import bounded_memory
from songradar.wording import shown


@click.command()
@click.argument("clips", metavar="CLIP...", nargs=-1, required=True)
@click.option("-n", "--limit", type=click.IntRange(1, 100), help="Candidates to show [all above 5 %, of 5].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each CLIP, in the order given.")
@ENCODER
@ARTIST
@COLLECTION
@click.option("--no-save", is_flag=True, help="Do not keep the search in the database.")
@click.option("--exact", is_flag=True, help="Compare with every fragment of the catalogue instead of asking the index.")
@click.option("--partial", is_flag=True, help="Of a cluster, leave out shards that do not answer, and say so.")
@click.option("--explain", is_flag=True, help="Tell what each stage took, and PostgreSQL's plan of the search.")
def search(
    clips: tuple[str, ...],
    limit: int | None,
    as_json: bool,
    encoder: str | None,
    artist: str | None,
    collection: str | None,
    no_save: bool,
    exact: bool,
    partial: bool,
    explain: bool,
) -> None:
    """Name the song that each CLIP is a piece of: files, folders, http(s) URLs, or - for standard input.

    \b
    songradar search recording.m4a
    songradar search --json *.ogg | jq 'select(.matched) | .matches[0].title'
    songradar search --collection archive --explain recording.m4a

    Five seconds are usually enough in a quiet place, ten in a loud one; shorter clips than a second name nothing.

    Exit code 0: every clip matched; 1: some clip had no match; 2: some clip could not be searched.
    """
    options = SearchOptions(limit or 5, encoder, artist, collection, exact, explain, partial)
    exit_code = 0
    with Catalogue.open(only_to_search=True) as catalogue:
        save = not no_save and may_keep(catalogue)
        found = list(recordings(clips))
        for number, recording in enumerate(found, start=1):
            if len(found) > 1:
                show_place(number, len(found), recording)
            try:
                answer = search_one(catalogue, recording, options)
            except ShardDown as error:
                raise Failed(f"{error}: --partial searches the others") from error
            except AudioError as error:
                exit_code = 2
                reason = error.reason if isinstance(error, AudioReadError) else str(error)
                report_error(recording, reason, as_json=as_json)
                continue
            exit_code = max(exit_code, 0 if answer.matched else 1)
            print_answer_json(answer) if as_json else print_answer(answer, everything=limit is not None)
            if save:
                try:
                    keep(catalogue, answer)
                except SearchNotKept as error:
                    warn(f"{answer.query}: {error}")
    sys.exit(exit_code)


def recordings(clips: Sequence[str]) -> Iterator[str]:
    """Each clip; in the place of a folder, the recordings in it."""
    for clip in clips:
        path = Path(clip)
        if clip != "-" and is_folder(path):
            for file in audio_files([path]):
                yield file.path if isinstance(file, Failure) else str(file.path)
        else:
            yield clip


def search_one(catalogue: Catalogue, recording: str, options: SearchOptions) -> Answer:
    """Raises AudioError."""
    with opened(recording) as audio, bounded_memory():
        return replace(identify(catalogue, audio, options), query=name_of(recording))


def show_place(number: int, total: int, recording: str) -> None:
    """Which of many recordings is in work, on a terminal."""
    if sys.stderr.isatty() and sys.stdout.isatty():
        text = f"{number}/{total} {Path(name_of(recording)).name}"[:58]
        click.echo(f"\r\x1b[K{shown(text)}\r", err=True, nl=False)


def report_error(recording: str, reason: str, *, as_json: bool) -> None:
    warn(f"{name_of(recording)}: {reason}")
    if as_json:
        print_json({"query": name_of(recording), "error": reason})
