"""The two pictures of how search grows."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


def draw(found: list[dict[str, Any]], folder: Path) -> None:
    """latency.png: milliseconds of a search for 5 s; bytes.png: megabytes for an hour of audio; both by size."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for label, key, style in (("songradar", "sql_ms", "o-"), ("FAISS HNSW, neighbours alone", "faiss_hnsw_ms", "s-")):
        there = [size for size in found if key in size]
        sizes = [size["fragments"] for size in there]
        (line,) = axes.plot(sizes, [size[key]["5"]["p50"] for size in there], style, label=f"{label}: median")
        p95 = [size[key]["5"]["p95"] for size in there]
        axes.plot(sizes, p95, style[0] + ":", color=line.get_color(), label=f"{label}: 95 %")
    axes.set(xscale="log", yscale="log", xlabel="fragments", ylabel="milliseconds for a recording of 5 s")
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(folder / "latency.png", dpi=120)

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    sizes = [size["fragments"] for size in found]
    for part in ("heap", "primary key", "index"):
        axes.plot(
            sizes, [size["bytes"][part] / size["hours"] / 1e6 for size in found], "o-", label=f"songradar: {part}"
        )
    axes.plot(sizes, [size["mb_per_hour"] for size in found], "ko-", label="songradar: all")
    for name, key in (("HNSW", "faiss_hnsw"), ("IVF-PQ", "faiss_ivf_pq")):
        there = [size for size in found if f"{key}_bytes" in size]
        per_hour = [size[f"{key}_bytes"] / size["hours"] / 1e6 for size in there]
        axes.plot([size["fragments"] for size in there], per_hour, "s:", label=f"FAISS {name}, in memory")
    axes.set(xscale="log", xlabel="fragments", ylabel="megabytes for an hour of audio", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(folder / "bytes.png", dpi=120)
