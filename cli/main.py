"""The command group and the one place where errors become sentences."""

import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

import click

from songradar.cli.output import Failed

EXTRA_OF = (
    {"matplotlib": "plots"}
    | dict.fromkeys(("keras", "librosa", "onnx", "scipy", "tensorflow", "tf2onnx"), "train")
    | {"procrastinate": "farm"}
    | dict.fromkeys(("aiohttp", "fsspec", "s3fs"), "remote")
    | dict.fromkeys(("anyio", "prometheus_client", "python_multipart", "starlette", "uvicorn", "websockets"), "web")
)
"""Modules that `pip install songradar` leaves out, and the extra that brings them."""

COMMANDS = {
    "demo": ("demo", "A first look, nothing needed."),
    "ingest": ("ingest", "Add songs to the catalogue."),
    "farm": ("farm", "Add songs with many machines."),
    "search": ("search", "Name the song that a recording is a piece of."),
    "scan": ("scan", "Tell what was played when in long recordings."),
    "scans": ("scans", "List, show and remove scans that are kept."),
    "listen": ("listen", "Tell what is playing now: a microphone, a stream, a file that grows."),
    "serve": ("serve", "A page that listens, and an HTTP interface."),
    "songs": ("songs", "List, show, edit, compare and remove songs."),
    "export": ("transfer", "Write songs with their fragments to a file."),
    "import": ("transfer", "Add the songs of such a file."),
    "searches": ("searches", "Look after the searches that are kept."),
    "encoders": ("encoders", "Add, choose, export and remove encoders."),
    "train": ("train", "Train an encoder on a folder of music."),
    "evaluate": ("evaluate", "Measure how often encoders name recordings rightly."),
    "calibrate": ("calibrate", "Fit an encoder's confidence to an evaluation."),
    "spectrogram": ("spectrogram", "Draw the pictures that the article's network looks at."),
    "status": ("status", "Tell where the catalogue is and what is in it."),
    "db": ("database", "Look after the database."),
    "cluster": ("cluster", "Spread a catalogue over several databases."),
}
"""Each command's module in `songradar.cli`, and its line in the list of commands, which imports none of them."""


class LazyGroup(click.Group):
    """Commands that are imported when they are called; they are listed in the order of the table."""

    def __init__(self, *arguments: Any, table: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._table = table

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self._table)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in self._table:
            return None
        module, _ = self._table[name]
        found = vars(import_module(f"songradar.cli.{module}")).values()
        return next(value for value in found if isinstance(value, click.Command) and value.name == name)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in self._table.items()])


class Songradar(LazyGroup):
    """Errors as one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(130)
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            raise Failed(sentence) from error


def explain(error: Exception) -> str | None:
    """What to tell the user; None for an error that is our fault and deserves its traceback."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in EXTRA_OF:
        extra = EXTRA_OF[str(error.name).partition(".")[0]]
        return f"this command needs more packages: pip install 'songradar[{extra}]'"
    if type(error).__module__.startswith("songradar."):  # every error of ours is a sentence
        return str(error)
    if type(error).__module__.partition(".")[0] in ("psycopg", "psycopg_pool", "sqlalchemy"):
        return explain_postgresql(getattr(error, "orig", None) or error)
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):  # Click ends quietly on that one
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return None


def explain_postgresql(error: Exception) -> str:
    """PostgreSQL's first line, and which grant helps where a right is missing."""
    sentence = f"database: {(str(error).strip().splitlines() or [type(error).__name__])[0]}"
    if getattr(error, "sqlstate", None) == "42501":
        return f"{sentence}: its owner may run songradar db grant ROLE, with --write for changes"
    return sentence


@click.group(cls=Songradar, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="songradar")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Name the song that a recording is a piece of, out of your own PostgreSQL.

    \b
    songradar demo                     a first look, nothing needed
    songradar ingest ~/Music           fill the catalogue
    songradar search recording.m4a     name a recording

    The catalogue lives in DATABASE_URL if that is set, else in a PostgreSQL of its own in your data directory
    (SONGRADAR_HOME).
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def run() -> None:
    """The program: runs `main`, and ends in good order when the system asks the process to stop (SIGTERM)."""
    signal.signal(signal.SIGTERM, _stop)
    main()


def _stop(*_: object) -> NoReturn:
    sys.exit(143)
