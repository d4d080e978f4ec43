"""Each parser takes its seeds, and refuses what a few bytes of chance make of them."""

import numpy as np
import pytest

from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

N_MUTANTS = 40


def mutants(seed: bytes):
    """The seed with some bytes changed, cut out, or repeated."""
    rng = np.random.default_rng(len(seed))
    for _ in range(N_MUTANTS):
        data = bytearray(seed)
        for _ in range(rng.integers(1, 6)):
            begin = int(rng.integers(len(data) + 1))
            end = begin + int(rng.integers(1, 9))
            data[begin:end] = [b"", rng.bytes(end - begin), data[begin:end] * 3][rng.integers(3)]
        yield bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_takes_or_refuses_whatever_comes(name):
    for seed in (*SEEDS[name], b""):
        for data in (seed, *mutants(seed)):
            TARGETS[name](data)
