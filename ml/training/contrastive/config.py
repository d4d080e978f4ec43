"""What a contrastive training is made of."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Which degradations and which hard negatives there are; an ablation switches one off."""

    room: bool = True
    band_pass: bool = True
    offset: bool = True
    warp: bool = True
    codec: bool = True
    neighbours: bool = True
    bare_noise: bool = True


@dataclass(frozen=True)
class ContrastiveConfig:
    """Hyper-parameters. `widths` are the filters of the network's four stages; `precision` is a dtype policy of Keras.

    The weights of the last `n_averaged` epochs are averaged, too, if those are several. If this training begins with
    the weights of an earlier one, `start` has the settings of that one.
    """

    widths: tuple[int, int, int, int] = (48, 96, 160, 224)
    n_pairs: int = 256
    steps: int = 200
    epochs: int = 20
    n_averaged: int = 1
    n_chunks: int = 14_000
    transpositions: tuple[float, ...] = ()
    learning_rate: float = 1.5e-3
    temperature: float = 0.05
    precision: str = "float32"
    held_out_share: float = 0.15
    trial_size: int = 60
    seed: int = 0
    start: dict[str, Any] | None = None
    recipe: Recipe = field(default_factory=Recipe)
