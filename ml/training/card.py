"""The model card: what an encoder was made of, what was measured, what it cannot do."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol

from songradar.ml.spec import SIAMESE, AudioSpec
from songradar.ml.training.contrastive.config import ContrastiveConfig
from songradar.ml.training.contrastive.recordings import Recordings
from songradar.ml.training.siamese.config import SiameseConfig
from songradar.ml.training.siamese.dataset import Dataset

FILTERS_TEXT = "32, 64, 64, 64"


class Calibration(Protocol):
    """What a card tells of the fit of the confidence."""

    @property
    def weights(self) -> dict[str, Any]: ...
    @property
    def n_present(self) -> int: ...
    @property
    def n_right(self) -> int: ...
    @property
    def n_absent(self) -> int: ...


def siamese_card(
    name: str,
    dataset: Dataset,
    config: SiameseConfig,
    metrics: Mapping[str, Any],
    calibration: Calibration,
    licences: str,
) -> str:
    """The card of the article's encoder, in Markdown."""
    return f"""# {name}

The article's Siamese encoder: {SIAMESE.fragment_s:g} s fragments as {SIAMESE.n_mels} x {SIAMESE.n_frames} mel
spectrograms, 3x3 convolutions of {FILTERS_TEXT} filters, global maximum, {SIAMESE.dim} dimensions,
{metrics["parameters"]:,} parameters. Trained by `songradar train siamese` {_version_and_day()}.

| | |
|---|---|
| songs, fragments | {len(dataset.songs)}, {len(dataset.images)} |
{_settings(asdict(config))}
| best epoch | {metrics["epoch"]:.0f} |
| accuracy of pairs, training | {metrics["accuracy"]:.1%} |
| accuracy of pairs, other fragments of the same songs | {metrics["fragments_accuracy"]:.1%} |
| accuracy of pairs, songs not trained on | {metrics["songs_accuracy"]:.1%} |
{_calibrated(calibration)}

Limits: it compares whole ten-second pictures, so a query must start near where a stored fragment starts, and noise
changes the picture. Clips shorter than 10 s cannot be searched.

## Data

{licences}"""


def contrastive_card(
    name: str,
    spec: AudioSpec,
    songs: Recordings,
    config: ContrastiveConfig,
    metrics: Mapping[str, Any],
    calibration: Calibration,
    licences: str,
) -> str:
    """The card of the shipped encoder, in Markdown."""
    hours = len(songs.samples) / spec.sample_rate_hz / 3600
    own = asdict(config)
    start = own.pop("start")
    before = "\n".join(_settings(settings, "began with the weights of a training with") for settings in _chain(start))
    epoch = f"{metrics['epoch']:.0f}"
    if metrics["epoch"] > config.epochs:
        epoch = f"the average of the last {config.n_averaged}"
    rates = "\n".join(f"| {key} | {value:.1%} |" for key, value in metrics.items() if key.endswith(" s"))
    return f"""# {name}

A residual network of {metrics["parameters"]:,} parameters from {spec.fragment_s:.2f} s of sound at
{spec.sample_rate_hz:,} Hz, as {spec.n_frames} frames of {spec.n_mels} mel bands, to a unit vector
of {spec.dim} dimensions; its convolutions multiply integers of eight bits. Trained by
`songradar train contrastive` {_version_and_day()}, to tell the same second of a song, recorded through noise, rooms,
devices and codecs, from all others.

| | |
|---|---|
| songs trained on | {len(songs)}, {hours:.1f} hours |
| fragments start every | {spec.hop_s:g} s; a recording's every {spec.query_hop_s:g} s |
{_settings(own)}
{before or "| began with | random weights |"}
| best epoch | {epoch} |
{_calibrated(calibration)}

Validation, by exact search among songs held out, with noises and responses held out. It chooses the best epoch, and the
confidence is calibrated with the same files. Others, those in `test.txt`, were held out for evaluation.

| recordings | named rightly |
|---|---|
{rates}

Limits: it hears nothing below {spec.f_min_hz:.0f} Hz and above {spec.f_max_hz:.0f} Hz. Songs played more
than 8 % faster or slower, or more than a semitone higher or lower, are other songs to it; so are other performances of
the same work.

## Data

{licences}"""


def _chain(start: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    """The settings of the training whose weights another began with, then of the one before that, and so on."""
    while start:
        yield {key: value for key, value in start.items() if key not in ("start", "spec", "recipe")}
        start = start.get("start")


def _version_and_day() -> str:
    return f"{version('songradar')} on {datetime.now(UTC).date()}"


def _settings(settings: Mapping[str, Any], title: str = "settings") -> str:
    return f"| {title} | " + ", ".join(f"{key} {value}" for key, value in settings.items()) + " |"


def _calibrated(calibration: Calibration) -> str:
    if not calibration.weights:
        return "| threshold of confidence | not calibrated |"
    weights = calibration.weights
    thresholds = ", ".join(f"{t:.2f} ({n})" for n, t in zip(weights["fragments"], weights["threshold"], strict=True))
    return f"""\
| searches to calibrate with, all conditions and lengths | {calibration.n_present}, {calibration.n_right} named \
rightly; {calibration.n_absent} of absent songs or without music |
| threshold of confidence (at so many fragments) | {thresholds} |"""
