"""What a Siamese training is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SiameseConfig:
    """Hyper-parameters; the defaults are those of the encoder in the package."""

    n_pairs: int = 32
    steps: int = 150
    validation_steps: int = 40
    epochs: int = 60
    patience: int = 10
    learning_rate: float = 1e-3
    validation_share: float = 0.25
    pooling: bool = True
    seed: int = 0
