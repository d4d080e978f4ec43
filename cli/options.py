"""Options that several commands share."""

from pathlib import Path

import click

PATH = click.Path(path_type=Path)

WORKERS = click.option("--workers", type=click.IntRange(1), help="Files in work at once [all usable cores].")
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")
YES = click.option("--yes", is_flag=True, help="Do not ask.")
