"""Two products of matrices give the power spectrum that NumPy's transform gives."""

import numpy as np
import pytest

pytestmark = pytest.mark.train


def power_in_cells(frames):
    """(F, n_fft) -> (F, cells), by the two products."""
    from songradar.ml.training.fourier import factors, first_matrix, second_matrices

    n_fft = frames.shape[-1]
    parts = first_matrix(n_fft) @ frames.reshape(-1, *factors(n_fft))
    matrices = second_matrices(n_fft)
    spectrum = parts.reshape(len(frames), len(matrices), 1, -1) @ matrices
    real, imaginary = np.split(spectrum, 2, axis=-1)
    return (real**2 + imaginary**2).reshape(len(frames), -1)


@pytest.mark.parametrize("n_fft", [1024, 2048, 512, 1000, 15, 7])
def test_power_is_that_of_numpys_transform(n_fft, rng):
    from songradar.ml.training.fourier import in_cells

    frames = rng.standard_normal((3, n_fft)).astype(np.float32)
    expected = np.abs(np.fft.rfft(frames)) ** 2

    power = power_in_cells(frames) @ in_cells(np.eye(n_fft // 2 + 1, dtype=np.float32), n_fft)

    np.testing.assert_allclose(power, expected, atol=2e-6 * expected.max())


@pytest.mark.parametrize(("n_fft", "expected"), [(1024, (32, 32)), (2048, (64, 32)), (1000, (40, 25)), (7, (7, 1))])
def test_factors_are_close_to_each_other(n_fft, expected):
    from songradar.ml.training.fourier import factors

    assert factors(n_fft) == expected
