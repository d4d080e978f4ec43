"""Every command explains itself, with an example to paste, and is in README or in docs/."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from songradar.cli.evaluate import evaluate
from songradar.cli.main import main
from songradar.cli.train import train

ROOT = Path(__file__).parents[2]
TOLD = "".join(page.read_text("utf-8") for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))))


def commands(group: click.Group = main, path: str = "songradar") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


ALL = list(commands())


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_command_has_help_with_an_example(path, command):
    assert command.help
    assert path in command.help.partition("\b")[2]


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_every_option_has_help(path, command):
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{path} {option.opts[0]}"


@pytest.mark.parametrize("path", [path for path, _ in ALL])
def test_command_is_in_readme_or_docs(path):
    assert re.search(rf"{path}\b", TOLD)


def test_table_of_commands_says_what_their_help_says():
    """The static tables, which keep --help quick, name every command of the modules they point to."""
    for group in (main, train, evaluate):
        context = click.Context(group)
        for name in group.list_commands(context):
            assert group.get_command(context, name).name == name


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_command_is_short(path, command):
    """It parses, calls and prints; what it takes to do the work stands where other programs can call it."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(command.callback)))

    assert tree.body[0].end_lineno - tree.body[0].lineno < 60
