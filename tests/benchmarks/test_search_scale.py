"""A small size of the benchmark: what it writes, and that the index finds what exact search finds."""

import json

import pytest
from click.testing import CliRunner

from tests.benchmarks.report import SECONDS
from tests.benchmarks.search_scale import main


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Its output and its JSON, at two sizes, from the songs of the demo."""
    folder = tmp_path_factory.mktemp("scale")
    arguments = ["--fragments", "2000,6000", "--queries", "1", "--load-seconds", "0.5", "--indexes-to", "4000"]
    arguments += ["--plots", str(folder)]
    result = CliRunner().invoke(main, [*arguments, "--json", str(folder / "scale.json")], catch_exceptions=False)
    assert {path.name for path in folder.iterdir()} == {"scale.json", "latency.png", "bytes.png"}
    return result.stdout, json.loads((folder / "scale.json").read_text())["sizes"]


def test_sizes_are_those_asked_for(report):
    _, (small, large) = report

    assert 2000 <= small["fragments"] < 3000
    assert 6000 <= large["fragments"] < 7000
    assert (small["lists"], large["lists"]) == (small["fragments"] // 500, large["fragments"] // 500)


def test_json_has_what_others_compare(report):
    for size in report[1]:
        assert size["load_rows_per_s"] > 0
        assert size["build_s"] > 0
        assert 1 < size["mb_per_hour"] < 3
        assert all(0 <= part <= 1 for part in size["first_look"].values())
        for key in ("sql_ms", "clean_ms"):
            assert set(size[key]) == {str(s) for s in SECONDS}
            assert all(size[key]["5"][p] > 0 for p in ("p50", "p95", "p99"))


def test_index_finds_what_exact_search_finds(report):
    for size in report[1]:
        assert size["hit_rate_vs_exact_all"] >= 0.95
        assert size["exact_hit_rate"]["10"] >= 0.9


def test_faiss_stands_beside_it_where_asked_for(report):
    text, (small, large) = report

    assert small["faiss_hnsw_hit_rate"] >= 0.9
    assert "faiss_hnsw_ms" not in large
    assert next(line for line in text.splitlines() if line.startswith("FAISS HNSW: built")).endswith("-")


def test_table_has_a_column_for_each_size(report):
    text, sizes = report
    header = text.splitlines()[0].split()

    assert header == ["fragments", *(f"{size['fragments']:,}" for size in sizes)]
