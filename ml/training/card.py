"""The model card: what an encoder was made of, what was measured, what it cannot do."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from ml.spec import SIAMESE
from ml.training.dataset import Dataset
from ml.training.fit import TrainingConfig
from ml.training.network import FILTERS


def card(
    name: str,
    dataset: Dataset,
    config: TrainingConfig,
    metrics: dict[str, Any],
    calibration: dict[str, float] | None,
    licences: str,
) -> str:
    """The model card, in Markdown."""
    threshold = "not calibrated"
    if calibration is not None:
        origin = f"{metrics['absent_cuts']} recordings of absent songs or of noise alone"
        threshold = f"{calibration['threshold']:.3f}, from {origin}"
    today = datetime.now(UTC).date()
    return f"""# {name}

The article's Siamese encoder: {SIAMESE.fragment_s:g} s fragments as {SIAMESE.n_mels} x {SIAMESE.n_frames} mel
spectrograms, 3x3 convolutions of {", ".join(map(str, FILTERS))} filters, global maximum, {SIAMESE.dim} dimensions,
{metrics["parameters"]:,} parameters. Trained by `songradar train siamese` {version("songradar")} on {today}.

| | |
|---|---|
| songs, fragments | {len(dataset.songs)}, {len(dataset.images)} |
| settings | {config} |
| best epoch | {metrics["epoch"]:.0f} |
| accuracy of pairs, training | {metrics["accuracy"]:.1%} |
| accuracy of pairs, other fragments of the same songs | {metrics["fragments_accuracy"]:.1%} |
| accuracy of pairs, songs not trained on | {metrics["songs_accuracy"]:.1%} |
| cuts of 10 to 30 s from anywhere in songs not trained on, clean to 0 dB | \
{metrics["random_cuts_right"]} of {metrics["random_cuts"]} named rightly |
| threshold of confidence | {threshold} |

Limits: it compares whole ten-second pictures, so a query must start near where a stored fragment starts, and noise
changes the picture. Clips shorter than 10 s cannot be searched.

## Data

{licences}"""
