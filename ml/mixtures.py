"""Songs that nobody has recorded, made of embeddings of those that there are: as many as a catalogue should hold."""

import numpy as np
from numpy.typing import NDArray


def mixture(one: NDArray[np.float32], other: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A third song from consecutive fragments (F, 64) of two: the shorter and a piece of the longer, 35 to 65 %.

    It lies where embeddings of music lie and moves as they do, with a cosine of about 0.7 to either of the two, which
    is what loud noise leaves between a recording and its song.
    """
    n = min(len(one), len(other))
    parts = [part[(start := int(rng.integers(len(part) - n + 1))) : start + n] for part in (one, other)]
    share = rng.uniform(0.35, 0.65)
    mixed = share * parts[0] + (1 - share) * parts[1]
    return np.asarray(mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-6), np.float32)
