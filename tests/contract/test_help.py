"""Every command explains itself, with an example to paste, and is in the README."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.main import main

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def commands(group: click.Group = main, path: str = "songradar") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


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
def test_command_is_in_the_readme(path):
    assert path in README
