"""The command group and the one place where errors become sentences."""

import os
from typing import Any

import click

from cli.database import database
from cli.demo import demo
from cli.encoders import encoders
from cli.evaluate import evaluate
from cli.ingest import ingest
from cli.search import search
from cli.songs import songs
from cli.spectrogram import spectrogram
from cli.status import status
from cli.train import train
from db.errors import DatabaseError
from ml.errors import AudioError

EXTRA_OF = dict.fromkeys(("keras", "librosa", "matplotlib", "onnx", "scipy", "tensorflow", "tf2onnx"), "train")
"""Modules that `pip install songradar` leaves out, and the extra that brings them."""


class Failed(click.ClickException):
    """An error the user can do something about; exit code 2, as grep has it."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"songradar: {self.message}", file=file, err=True)


class Songradar(click.Group):
    """The commands, in the order a newcomer needs them; their errors as one line."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            raise Failed(sentence) from error


def explain(error: Exception) -> str | None:
    """What to tell the user; None for an error that is our fault and deserves its traceback."""
    if isinstance(error, AudioError | DatabaseError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in EXTRA_OF:
        extra = EXTRA_OF[str(error.name).partition(".")[0]]
        return f"this command needs more packages: pip install 'songradar[{extra}]'"
    if type(error).__module__.partition(".")[0] in ("psycopg", "sqlalchemy"):
        return f"database: {str(getattr(error, 'orig', None) or error).strip().splitlines()[0]}"
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):  # Click ends quietly on that one
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return None


@click.group(cls=Songradar, context_settings={"help_option_names": ["-h", "--help"]})
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


for command in (demo, ingest, search, songs, encoders, train, evaluate, spectrogram, status, database):
    main.add_command(command)
