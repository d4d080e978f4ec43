"""The table of how search grows: one column a size."""

from collections.abc import Callable
from typing import Any

import numpy as np

from songradar.cli.output import print_table

SECONDS = (2, 5, 10)
"""Lengths of recordings."""

Size = dict[str, Any]
Sizes = list[Size]
Line = tuple[str, Callable[[Size], str]]
"""What is told, and how it reads."""


def print_report(found: Sizes) -> None:
    lines = [*of_the_index(), *of_searches(), *of_hits(), *of_faiss("HNSW"), *of_faiss("IVF-PQ")]
    print_table(
        ("fragments", *(f"{size['fragments']:,}" for size in found)),
        [(label, *(show(size) for size in found)) for label, show in lines],
    )


def of_the_index() -> list[Line]:
    parts = ("heap", "primary key", "index")
    return [
        ("hours of audio", lambda size: f"{size['hours']:,.0f}"),
        ("loading, rows/s", lambda size: f"{size['load_rows_per_s']:,.0f}"),
        ("index: lists", lambda size: f"{size['lists']:,}"),
        ("index: built in, s", lambda size: f"{size['build_s']:.1f}"),
        ("index: memory while built, MB", lambda size: f"{size['build_bytes'] / 1e6:,.0f}"),
        *((f"MB an hour: {part}", lambda size, part=part: per_hour(size, size["bytes"][part])) for part in parts),
        ("MB an hour: all", lambda size: f"{size['mb_per_hour']:.3f}"),
    ]


def of_searches() -> list[Line]:
    return [
        *((f"{s} s: ms, median, 95 %, 99 %", times("sql_ms", s)) for s in SECONDS),
        ("5 s, clean: ms, median, 95 %, 99 %", times("clean_ms", 5)),
        ("answered by the first look, 2, 5, 10 s", rates("first_look")),
        ("5 s, cold: ms, median", lambda size: f"{np.median(size['cold_ms']):.0f}"),
        (
            "5 s: searches/s, 1, 4, 16 connections",
            lambda size: ", ".join(f"{rate:.0f}" for rate in size["searches_per_s"].values()),
        ),
    ]


def of_hits() -> list[Line]:
    return [
        ("named right, 2, 5, 10 s", rates("hit_rate")),
        ("by exact search, 2, 5, 10 s", rates("exact_hit_rate")),
        ("share of exact search's, 5 s", lambda size: f"{size['hit_rate_vs_exact']:.1%}"),
        ("share of exact search's, all", lambda size: f"{size['hit_rate_vs_exact_all']:.1%}"),
        ("named right and accepted, 2, 5, 10 s", rates("accepted_rate")),
        ("share of exact search's, 5 s", lambda size: f"{size['accepted_vs_exact']:.1%}"),
        ("FAISS flat, 5 s: ms, median", lambda size: f"{size['faiss_flat_ms']['p50']:.3g}"),
    ]


def of_faiss(name: str) -> list[Line]:
    key = f"faiss_{name.lower().replace('-', '_')}"
    lines: list[Line] = [
        (f"FAISS {name}, 5 s: ms, median, 95 %, 99 %", times(f"{key}_ms", 5)),
        (f"FAISS {name}: share of exact search's", lambda size: f"{size[f'{key}_hit_rate']:.1%}"),
        (f"FAISS {name}: built in, s", lambda size: f"{size[f'{key}_build_s']:.1f}"),
        (f"FAISS {name}: MB an hour", lambda size: per_hour(size, size[f"{key}_bytes"])),
    ]
    return [(label, lambda size, show=show: show(size) if f"{key}_ms" in size else "-") for label, show in lines]


def times(key: str, seconds: int) -> Callable[[Size], str]:
    return lambda size: ", ".join(f"{size[key][str(seconds)][p]:.3g}" for p in ("p50", "p95", "p99"))


def rates(key: str) -> Callable[[Size], str]:
    return lambda size: ", ".join(f"{size[key][str(s)]:.1%}" for s in SECONDS)


def per_hour(size: Size, n_bytes: int) -> str:
    return f"{n_bytes / size['hours'] / 1e6:.2f}"
