"""The power spectrum of frames as two products of matrices, which runtimes compute faster than ONNX's STFT.

This is the step by which Cooley and Tukey (An algorithm for the machine calculation of complex Fourier series, 1965)
made the fast Fourier transform, taken once. The transform of a frame x of N samples is

    X[k] = sum over n of x[n] w(n k / N), where w(t) = exp(-2 pi i t).

With N = A B, write the sample as n = B a + b and the bin as k = c + A d, where a and c run over 0..A-1, b and d over
0..B-1. In n k / N = a c / A + a d + b k / N the term a d is whole, and w of a whole number is 1. So

    X[c + A d] = sum over b of w(b (c + A d) / N) Y[c, b],    Y[c, b] = sum over a of w(a c / A) x[B a + b].

The first product, Y, has one matrix for all frames, once a frame is laid out in A rows of B samples. The second has one
matrix for each c. Together they take A N + 2 B N complex multiplications instead of N squared.

A frame is real, which saves half of it: X[N - k] is the conjugate of X[k], and as N - k leaves the remainder A - c
where k leaves c, the rows c = 0..A // 2 hold every bin or its mirror image, whose power is the same. A few rows hold
both, so there are slightly more cells than the N // 2 + 1 bins. Complex numbers are laid out as their real and their
imaginary part, one after the other, and multiplied by real matrices.
"""

from math import isqrt

import numpy as np
from numpy.typing import NDArray


def factors(n_fft: int) -> tuple[int, int]:
    """A and B with A * B = n_fft, as close to each other as its divisors allow, and A >= B."""
    b = next(b for b in range(isqrt(n_fft), 0, -1) if n_fft % b == 0)
    return n_fft // b, b


def first_matrix(n_fft: int) -> NDArray[np.float32]:
    """(2 (A // 2 + 1), A): a frame in rows, (A, B), becomes the real and the imaginary part of Y for each c."""
    a, _ = factors(n_fft)
    phases = np.outer(np.arange(a // 2 + 1), np.arange(a)) % a / a
    wave = np.exp(-2j * np.pi * phases)
    return np.stack([wave.real, wave.imag], axis=1).reshape(-1, a).astype(np.float32)


def second_matrices(n_fft: int) -> NDArray[np.float32]:
    """(A // 2 + 1, 2 B, 2 B): for each c, Y[c] as a row (real parts, imaginary parts) becomes X[c + A d] as such."""
    _, b = factors(n_fft)
    phases = np.arange(b)[:, None] * _bins(n_fft)[:, None] % n_fft / n_fft
    wave = np.exp(-2j * np.pi * phases)
    return np.block([[wave.real, wave.imag], [-wave.imag, wave.real]]).astype(np.float32)


def in_cells(of_bins: NDArray[np.float32], n_fft: int) -> NDArray[np.float32]:
    """(n_fft // 2 + 1, M), a row for each bin -> ((A // 2 + 1) B, M), the rows in the order of X[c + A d], d fastest.

    A bin that two cells hold has its row in one of them and zeros in the other, so that products with a spectrum agree.
    """
    cells = _bins(n_fft).ravel()
    bins, first = np.unique(np.minimum(cells, n_fft - cells), return_index=True)
    rows = np.zeros((len(cells), of_bins.shape[1]), np.float32)
    rows[first] = of_bins[bins]
    return rows


def _bins(n_fft: int) -> NDArray[np.int64]:
    """(A // 2 + 1, B): k = c + A d."""
    a, b = factors(n_fft)
    return np.arange(a // 2 + 1)[:, None] + a * np.arange(b)
