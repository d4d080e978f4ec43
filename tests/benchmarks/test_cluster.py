"""A small size of the benchmark of clusters."""

import pytest
from click.testing import CliRunner

from tests.benchmarks.cluster import main
from tests.benchmarks.cluster_on_paper import Cluster
from tests.benchmarks.cluster_on_paper import main as on_paper
from tests.benchmarks.search_scale import DEMO
from tests.db import clusters


@pytest.mark.skipif(not clusters.PL_PROXY.exists(), reason=clusters.REASON)
def test_three_small_shards_answer_as_one_database(tmp_path):
    arguments = ["--fragments", "1500", "--queries", "1", "--load-seconds", "0.5", "--music", str(DEMO)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    rows = [line.split("  ") for line in result.stdout.splitlines()]
    named = {row[0]: [cell.strip() for cell in row[1:] if cell] for row in rows}

    assert float(named["the same song, and accepted or not"][0].rstrip("%")) > 95
    assert named["named right"][0] == named["named right"][1]


def test_more_shards_answer_sooner_and_no_cheaper():
    few, many = Cluster(1e7, 4, 64), Cluster(1e7, 64, 64)

    assert many.search_ms < few.search_ms
    assert many.search_ms * many.shards >= few.search_ms * few.shards
    assert "10 M songs, 64 shards" in CliRunner().invoke(on_paper, []).stdout
