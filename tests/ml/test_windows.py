"""windows() against its definition, whatever the blocks."""

import itertools

import numpy as np
import pytest

from songradar.ml.audio import windows


def plain_windows(samples, size, hop, slack):
    """The definition: all whole windows, then a padded one if it lacks at most `slack` samples."""
    starts = list(itertools.takewhile(lambda start: start + size <= len(samples), itertools.count(0, hop)))
    cut = [samples[start : start + size] for start in starts]
    rest = samples[len(starts) * hop :]
    if len(rest) and 0 < size - len(rest) <= slack:
        cut.append(np.pad(rest, (0, size - len(rest))))
    return cut


def in_blocks(samples, rng, longest):
    while len(samples):
        n = int(rng.integers(0, longest + 1))
        yield samples[:n]
        samples = samples[n:]


@pytest.mark.parametrize("seed", range(8))
def test_windows_do_not_depend_on_the_blocks(seed):
    rng = np.random.default_rng(seed)
    for _ in range(60):
        size, hop = (int(n) for n in rng.integers(1, 30, 2))
        slack, n_samples = int(rng.integers(0, size)), int(rng.integers(0, 150))
        samples = np.arange(1, n_samples + 1, dtype=np.float32)

        got = list(windows(in_blocks(samples, rng, int(rng.integers(1, 80))), size, hop, slack))

        expected = plain_windows(samples, size, hop, slack)
        assert [w.tolist() for w in got] == [w.tolist() for w in expected], (size, hop, slack, n_samples)


def test_no_blocks_give_no_windows():
    assert list(windows(iter([]), size=4, hop=2, slack=3)) == []


def test_window_comes_as_soon_as_its_samples_are_there():
    endless = (np.full(3, i, np.float32) for i in itertools.count())

    first = next(windows(endless, size=4, hop=4))

    assert first.tolist() == [0, 0, 0, 1]


def test_window_is_not_overwritten_by_later_ones():
    blocks = (np.full(5, i, np.float32) for i in range(4))

    first, *_ = windows(blocks, size=5, hop=5)

    assert first.tolist() == [0] * 5
