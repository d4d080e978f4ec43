"""songradar encoders: which networks the catalogue knows, and which one it uses."""

import json
import platform
import re
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.ingest import WORKERS
from cli.output import print_json, print_table, progress, size, warn

if TYPE_CHECKING:
    import psycopg

    from db.encoders import NewEncoder
    from db.search import StoredEncoder
    from ml.encoder import Encoder

SHIPPED = "contrastive"
"""The encoder in the package that a catalogue without encoders begins with."""

NAME = click.argument("name", metavar="NAME")


@click.group()
def encoders() -> None:
    """Add, choose, export and remove encoders."""


@encoders.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each encoder.")
def list_encoders(as_json: bool) -> None:
    """List the encoders of the catalogue; the active one has a star.

    \b
    songradar encoders list
    """
    from db import encoders as stored
    from db.engine import engine

    found = stored.encoders(engine())
    if as_json:
        for encoder in found:
            print_json(vars(encoder) | {"sha256": encoder.sha256.hex(), "created_at": encoder.created_at.isoformat()})
        return
    rows = [
        ("*" if e.active else "", e.name, e.kind, e.songs, e.fragments, size(e.onnx_bytes), e.created_at.date())
        for e in found
    ]
    print_table(("", "name", "kind", "songs", "fragments", "network", "added"), rows)


@encoders.command("add")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", help="Name in the catalogue [name of the folder].")
def add(folder: Path, name: str | None) -> None:
    """Add the encoder that `songradar train` left in DIR, or one that comes with songradar, by its name.

    \b
    songradar encoders add runs/my-encoder
    songradar encoders add siamese
    """
    from db.encoders import add_encoder
    from db.engine import engine

    packed = read_packed(str(folder), name)
    new = packed if packed and not folder.is_dir() else read_folder(folder, name)
    added = add_encoder(engine(), new)
    click.echo(f"{new.name}: {'added' if added else 'already there'}")


@encoders.command("use")
@NAME
def use(name: str) -> None:
    """Let ingestion and search use encoder NAME.

    \b
    songradar encoders use contrastive
    """
    from db.encoders import use_encoder
    from db.engine import engine

    use_encoder(engine(), name)
    click.echo(f"{name} is active")


@encoders.command("remove")
@NAME
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Remove encoder NAME and every fragment it made; the songs stay.

    \b
    songradar encoders remove siamese --yes
    """
    from db.encoders import remove_encoder
    from db.engine import engine

    if not yes:
        click.confirm(f"Remove encoder {name} and all its fragments?", abort=True, err=True)
    n_fragments = remove_encoder(engine(), name)
    click.echo(f"{name}: removed with {n_fragments} fragments")


@encoders.command("reencode")
@NAME
@WORKERS
def reencode(name: str, workers: int) -> None:
    """Encode the whole catalogue with encoder NAME, then let searches use it.

    \b
    songradar encoders add runs/better
    songradar encoders reencode better
    songradar encoders remove contrastive

    Searches go on with the active encoder until every song is done; then one transaction switches. Interrupted, it goes
    on where it was. Songs whose files are gone or on another machine keep it from switching (exit code 1): remove them,
    or switch all the same with `songradar encoders use NAME`.
    """
    from cli.ingest import Report, ingest_files
    from db import store
    from db.encoders import use_encoder
    from db.engine import connect, engine
    from ml.files import audio_files, path_of

    with connect() as connection:
        stored, loaded = open_encoder(connection, name, threads=0 if workers == 1 else 1)
    here = [file.source for file in store.unencoded(engine(), stored.id) if file.host == platform.node()]
    report = Report(as_json=False)
    files = list(audio_files([path_of(source) for source in here]))
    with progress("encoding", len(files)) as advance:
        ingest_files(files, stored, loaded, workers, report, advance)
    click.echo(report.summary())
    left = store.unencoded(engine(), stored.id)
    for file in left:
        if file.host != platform.node():
            warn(f"{file.source}: is on {file.host}; run this there, too")
    if left:
        warn(f"{len(left)} songs are not encoded by {name}, so searches do not use it yet")
        sys.exit(1)
    use_encoder(engine(), name)
    click.echo(f"{name} is active")


@encoders.command("export")
@NAME
@click.option("-o", "--out", metavar="DIR", type=click.Path(path_type=Path), help="Where to write [NAME].")
def export(name: str, out: Path | None) -> None:
    """Write encoder NAME to a folder, as `encoders add` reads it.

    \b
    songradar encoders export contrastive -o /tmp/contrastive
    """
    from db.encoders import read_whole
    from db.engine import engine

    folder = out or Path(name)
    write_folder(read_whole(engine(), name), folder)
    click.echo(f"{name}: written to {folder}")


def open_encoder(
    connection: "psycopg.Connection", name: str | None, threads: int = 0
) -> "tuple[StoredEncoder, Encoder]":
    """The encoder called `name`, or the active one, ready to run; an empty catalogue gets the shipped one first."""
    from db.search import read_encoder
    from ml.encoder import Encoder
    from ml.spec import AudioSpec

    if connection.execute("SELECT NOT EXISTS (SELECT FROM songradar.encoders)").fetchone() == (True,):
        from db.encoders import add_encoder
        from db.engine import engine

        add_encoder(engine(), read_shipped())
    stored = read_encoder(connection, name)
    return stored, Encoder(stored.onnx, AudioSpec.from_dict(stored.spec), stored.name, threads)


def read_shipped() -> "NewEncoder":
    """The encoder that a catalogue begins with."""
    shipped = read_packed(SHIPPED)
    assert shipped is not None
    return shipped


def read_packed(packed: str, name: str | None = None) -> "NewEncoder | None":
    """The encoder called `packed` that comes with songradar, under that name or another; None if there is none."""
    if not re.fullmatch(r"[a-z0-9_-]+", packed):
        return None
    weights = files("ml").joinpath("weights", packed)
    if not weights.is_dir():
        return None
    with as_file(weights) as folder:
        return read_folder(folder, name or packed)


def read_folder(folder: Path, name: str | None = None) -> "NewEncoder":
    """An encoder from the files that training left. Raises EncoderFileError, also when it cannot be run."""
    from db.encoders import NewEncoder
    from ml.encoder import Encoder, read_onnx, sha256_of
    from ml.errors import EncoderFileError
    from ml.spec import AudioSpec

    if not folder.is_dir():
        raise EncoderFileError(f"{folder}: is not a folder")
    name = name or folder.resolve().name.lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise EncoderFileError(f"{name!r} is no name for an encoder: small letters, digits, - and _; see --name")
    onnx, spec = read_onnx(folder), AudioSpec.read(folder / "spec.json")
    Encoder(onnx, spec, name)
    card = folder / "CARD.md"
    return NewEncoder(
        name=name,
        sha256=sha256_of(onnx),
        spec=spec.as_dict(),
        calibration=_calibration(folder / "calibration.json"),
        metrics=_json(folder / "metrics.json") or {},
        card=card.read_text("utf-8") if card.exists() else "",
        onnx=onnx,
    )


def write_folder(encoder: "NewEncoder", folder: Path) -> None:
    """The reverse of `read_folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "encoder.onnx").write_bytes(encoder.onnx)
    (folder / "CARD.md").write_text(encoder.card, "utf-8")
    for name, values in (("spec", encoder.spec), ("calibration", encoder.calibration), ("metrics", encoder.metrics)):
        if values is not None:
            (folder / f"{name}.json").write_text(json.dumps(values, indent=2) + "\n")


def _calibration(path: Path) -> dict[str, Any] | None:
    """The weights for match_v1, None where the encoder was not calibrated."""
    from ml.errors import EncoderFileError

    weights = _json(path)
    if weights is None:
        return None
    alone = weights.get("alone")
    if not isinstance(alone, dict):
        raise EncoderFileError(f"{path}: has no weights for a match without a rival, under alone")
    shared = ("intercept", "log_distance", "coverage", "log_fragments", "threshold")
    for found, keys in ((weights, (*shared, "log_ratio")), (alone, shared)):
        for key in keys:
            if not isinstance(found.get(key), int | float):
                raise EncoderFileError(f"{path}: has no number under {'alone.' if found is alone else ''}{key}")
    return weights


def _json(path: Path) -> dict[str, Any] | None:
    from ml.errors import EncoderFileError

    if not path.exists():
        return None
    try:
        values: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise EncoderFileError(f"{path}: is not JSON ({error})") from error
    return values
