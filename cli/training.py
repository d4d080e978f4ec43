"""What the commands of `songradar train` share: options, and the files that an encoder is made of."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cli.calibrate import Calibration
    from ml.spec import AudioSpec

FOLDER = click.Path(path_type=Path)
SEED = click.option("--seed", default=0, show_default=True, help="Seed of all that is drawn.")
CREDITS = click.option("--credits", "credits_", type=FOLDER, help="Text on the music's licences for the card.")
PER_CELL = click.option(
    "--recordings",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Recordings to calibrate with, of each condition and length; 0 leaves the confidence uncalibrated.",
)
OUT = click.option("--out", metavar="DIR", required=True, type=FOLDER, help="Where everything goes.")
UNCREDITED = "Whatever the music's licences say.\n"


def read_credits(path: Path | None) -> str:
    """What the card says of licences: read first, lest hours pass before it turns out not to be there."""
    try:
        return path.read_text("utf-8") if path else UNCREDITED
    except OSError as error:
        raise click.UsageError(f"--credits {path}: {error.strerror}") from None


def write_encoder(out: Path, onnx: bytes, spec: "AudioSpec") -> None:
    """Leave the network and its AudioSpec in `out`, without a calibration: that was another network's."""
    (out / "encoder.onnx").write_bytes(onnx)
    spec.write(out / "spec.json")
    (out / "calibration.json").unlink(missing_ok=True)


def finish(out: Path, metrics: dict[str, Any], calibration: "Calibration", card: str) -> None:
    """Leave in `out` what is known of the encoder."""
    facts = asdict(calibration)
    weights = facts.pop("weights")
    if weights is not None:
        write_json(out / "calibration.json", weights)
    write_json(out / "metrics.json", metrics | {"calibration": facts})
    (out / "CARD.md").write_text(card, "utf-8")
    click.echo(f"{out}: encoder ready; add it with songradar encoders add {out}")


def write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n")
