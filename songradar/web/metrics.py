"""What is counted and measured, in the text format of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from songradar.identify import Answer

__all__ = ["CONTENT_TYPE_PLAIN_0_0_4", "Metrics"]

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The numbers of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "songradar_requests", "Requests answered.", ("method", "path", "status"), registry=self._registry
        )
        self.request_seconds = Histogram(
            "songradar_request_seconds", "From a request to the begin of its answer.", ("path",), buckets=SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self.searches = Counter("songradar_searches", "Recordings searched for.", ("outcome",), registry=self._registry)
        self.stage_seconds = Histogram(
            "songradar_search_stage_seconds", "What searches took, by stage.", ("stage",), buckets=SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self.searching = Gauge("songradar_searches_in_progress", "Searches now.", registry=self._registry)
        self.listeners = Gauge("songradar_listeners", "Live listeners now.", registry=self._registry)
        self.extent = Gauge("songradar_catalogue", "What is in the catalogue.", ("what",), registry=self._registry)

    def count_search(self, answer: Answer) -> None:
        self.searches.labels(
            "matched" if answer.matched else "no match" if not answer.reason else "nothing heard"
        ).inc()
        for stage, ms in answer.timings_ms.items():
            if stage != "total":
                self.stage_seconds.labels(stage).observe(ms / 1000)

    def text(self) -> bytes:
        return generate_latest(self._registry)
