"""FAISS on the same vectors and queries: exact search, HNSW, and IVF with product quantization.

It only finds neighbours; songs are named from them by songradar's own `rank_v1`, so that hit rates compare.
Two of its limits are not ours: it holds everything in memory, and knows neither songs nor transactions.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

K = 80
"""Neighbours that vote, of each query fragment, in a thorough look."""

M = 32
"""Links of a node in HNSW."""


@dataclass(frozen=True)
class Reference:
    """An index and what it cost; `efforts` are values of its one parameter, cheapest first."""

    name: str
    index: Any
    build_s: float
    n_bytes: int
    efforts: tuple[int, ...]
    set_effort: Callable[[int], None]

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Rows]:
        """Distances and row numbers of the `k` nearest, (F, k) each, nearest first."""
        squared, rows = self.index.search(queries, k)
        return np.sqrt(np.maximum(squared, 0)), rows


def exact(vectors: Vectors) -> Reference:
    return _built("flat", faiss.IndexFlatL2(vectors.shape[1]), vectors, (0,), lambda _index, _effort: None)


def hnsw(vectors: Vectors) -> Reference:
    def set_effort(index: Any, effort: int) -> None:
        index.hnsw.efSearch = effort

    return _built("HNSW", faiss.IndexHNSWFlat(vectors.shape[1], M), vectors, (16, 32, 64, 128, 256, 512), set_effort)


def ivf_pq(vectors: Vectors) -> Reference:
    def set_effort(index: Any, effort: int) -> None:
        faiss.extract_index_ivf(index).nprobe = effort

    n_lists = max(1, min(len(vectors) // 40, round(4 * math.sqrt(len(vectors)))))
    bits = 8 if len(vectors) >= 10_000 else 4
    index = faiss.index_factory(vectors.shape[1], f"IVF{n_lists},PQ32x{bits}")
    return _built("IVF-PQ", index, vectors, (4, 16, 64, 256), set_effort)


def _built(
    name: str, index: Any, vectors: Vectors, efforts: tuple[int, ...], set_effort: Callable[[Any, int], None]
) -> Reference:
    started = time.perf_counter()
    if not index.is_trained:
        index.train(vectors[:: max(1, len(vectors) // 200_000)])
    index.add(vectors)
    build_s = time.perf_counter() - started
    return Reference(name, index, build_s, _size(index), efforts, lambda effort: set_effort(index, effort))


def _size(index: Any) -> int:
    """Bytes of the index were it written to a file."""
    total = 0

    def count(data: bytes) -> int:
        nonlocal total
        total += len(data)
        return len(data)

    writer = faiss.PyCallbackIOWriter(count)
    faiss.write_index(index, faiss.BufferedIOWriter(writer, 1 << 22))
    return total
