"""What a contrastive training is made of."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Recipe:
    """Which degradations there are; an ablation switches one off."""

    room: bool = True
    band_pass: bool = True
    offset: bool = True
    warp: bool = True
    codec: bool = True


@dataclass(frozen=True)
class ContrastiveConfig:
    """Hyper-parameters; the defaults are those of the shipped encoder."""

    n_pairs: int = 256
    steps: int = 200
    epochs: int = 20
    n_chunks: int = 14_000
    transpositions: tuple[float, ...] = ()
    learning_rate: float = 1.5e-3
    temperature: float = 0.05
    held_out_share: float = 0.15
    trial_size: int = 60
    seed: int = 0
    recipe: Recipe = field(default_factory=Recipe)
