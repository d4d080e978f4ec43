"""songradar serve: the HTTP interface and the page."""

import os
import platform
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from songradar.catalogue import Catalogue
from songradar.cli.options import PATH
from songradar.cli.output import note
from songradar.environment import environment, uploads_folder

if TYPE_CHECKING:
    from songradar.web.serving import Address
    from songradar.web.tokens import Tokens

STATEMENT_S = 30.0
"""Statements that take longer are broken off."""

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need a token.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--token-file", metavar="FILE", type=PATH, help="Ask for a token; FILE holds the hashes of those allowed."
)
@click.option("--new-token", type=click.Choice(["read", "write"]), help="Add a token to that file, print it, and end.")
@click.option(
    "--allow-folder", "folders", metavar="DIR", type=FOLDER, multiple=True, help="Clients may name files in it."
)
@click.option("--uploads", metavar="DIR", type=PATH, help="Keep uploaded songs there [beside the embedded database].")
@click.option(
    "--recordings-days",
    type=click.FloatRange(0, 3650),
    default=30.0,
    show_default=True,
    help="Keep recordings of scans that long there, where that is asked for.",
)
@click.option("--allow-host", "hosts", metavar="NAME", multiple=True, help="A name that the server is called by.")
@click.option("--cors", "origins", metavar="ORIGIN", multiple=True, help="A site whose pages may call the server.")
@click.option(
    "--proxy", "proxies", metavar="ADDRESS", multiple=True, help="Believe this proxy whose requests it passes on."
)
@click.option("--certificate", metavar="FILE", type=FILE, help="Serve https with this certificate.")
@click.option("--key", metavar="FILE", type=FILE, help="Its key.")
@click.option("--max-mib", type=click.IntRange(1, 1 << 20), default=200, show_default=True, help="Largest upload.")
@click.option("--searches", type=click.IntRange(1, 256), help="Searches at once [two for each usable core].")
@click.option("--rate", type=click.IntRange(0), default=0, help="Requests that a client may make in a minute [any].")
@click.option("--log", is_flag=True, help="Write a line for each request.")
@click.option("--demo", is_flag=True, help="Serve a few bundled songs from a temporary catalogue.")
def serve(
    host: str,
    port: int,
    token_file: Path | None,
    new_token: str | None,
    folders: tuple[Path, ...],
    uploads: Path | None,
    recordings_days: float,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    proxies: tuple[str, ...],
    certificate: Path | None,
    key: Path | None,
    max_mib: int,
    searches: int | None,
    rate: int,
    log: bool,
    demo: bool,
) -> None:
    """Serve the catalogue over HTTP: a page that listens, and an interface for other programs.

    \b
    songradar serve
    songradar serve --demo
    songradar serve --token-file tokens --new-token write
    songradar serve --host 0.0.0.0 --token-file tokens --certificate cert.pem --key key.pem

    It listens on 127.0.0.1 only, unless told otherwise, and then asks for a token. A microphone needs https, or this
    computer itself. docs/http.md describes the interface.
    """
    from songradar.web.options import MIB, WebOptions
    from songradar.web.serving import Address, check_safe
    from songradar.web.serving import serve as serve_catalogue

    if new_token:
        print_new_token(token_file, new_token)
        return
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key belong together")
    address = Address(host, port, certificate, key, proxies)
    options = WebOptions(
        tokens=read_tokens(token_file),
        hosts=(host, platform.node(), *hosts),
        origins=origins,
        folders=folders,
        recordings_days=recordings_days,
        max_bytes=max_mib * MIB,
        n_searches=searches,
        rate=rate,
    )
    check_safe(address, options)
    with opened(is_demo=demo) as (catalogue, folder):
        note(f"songradar listens on {address.url}")
        if demo:
            show_in_browser(address)
        options = replace(options, uploads=uploads or folder)
        serve_catalogue(catalogue, address, options, log_level="info" if log else "warning")


@contextmanager
def opened(*, is_demo: bool) -> Iterator[tuple[Catalogue, Path]]:
    """The catalogue to be served, and the folder in which songs that are uploaded to it are kept."""
    if is_demo:
        from songradar.cli.bundled import demo_catalogue  # it brings what decodes, scans and draws

        with demo_catalogue() as (catalogue, folder):
            note(f"A recording to try it with: {folder / 'noisy.wav'}")
            yield catalogue, folder
        return
    # Where there are standbys, they are served also while the database that takes changes is away.
    has_standbys = environment().read_server is not None
    with Catalogue.open(statement_s=STATEMENT_S, only_to_search=has_standbys) as catalogue:
        yield catalogue, uploads_folder()


def show_in_browser(address: "Address") -> None:
    """Open the page as soon as the server answers; not where there is no desktop, and a browser would be text."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return

    def show() -> None:
        for _ in range(100):
            with suppress(OSError), socket.create_connection((address.host, address.port)):
                webbrowser.open(address.url)
                return
            time.sleep(0.1)

    threading.Thread(target=show, daemon=True).start()


def print_new_token(path: Path | None, scope: str) -> None:
    from songradar.web.tokens import add_token

    if path is None:
        raise click.UsageError("--new-token needs --token-file FILE, to which it is added")
    click.echo(add_token(path, "write" if scope == "write" else "read"))
    note(f"It is told only now; {path} holds its hash.")


def read_tokens(path: Path | None) -> "Tokens | None":
    from songradar.web.tokens import Tokens

    return Tokens(path) if path else None
