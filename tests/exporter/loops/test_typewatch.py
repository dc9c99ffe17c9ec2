"""Types of metrics that change, on a staged Prometheus and a clock turned by hand."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import responses

from exporter.adapters.prometheus import PrometheusSource
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.errors import DataError, QueryRejected
from exporter.loops.typewatch import INTERVAL, TypeLoop, changed
from promkit.clock import ManualClock
from tests.exporter.adapters.staged import URL, source_of

METADATA = f"{URL}api/v1/metadata"
EXPRS = {
    "errors": 'sum(rate(http_errors_total{path="temperature"}[5m])) / on () group_left up',
    "latency": "histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m])))",
    "heat": "max(temperature) > 3",
}


def declare(**types: str) -> None:
    """Let each metric be declared with types such as `gauge counter`."""
    data = {
        name: [{"type": one, "help": "", "unit": ""} for one in each.split(" ")]
        for name, each in types.items()
    }
    body = json.dumps({"status": "success", "data": data})
    responses.upsert(responses.GET, METADATA, body=body)


@pytest.fixture
def staged() -> Iterator[None]:
    with responses.mock:
        yield


class Bench:
    """A loop that looks when it is told to."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.clock = ManualClock(0.0)
        self.metrics = SelfMetrics("1").quality
        source: PrometheusSource = source_of()
        self.loop = TypeLoop(
            source, EXPRS, known={}, clock=self.clock, pool=pool, metrics=self.metrics
        )

    async def __aenter__(self) -> "Bench":
        async def at_once() -> None: ...

        self.loop.start(at_once)
        await self._until_sleeping()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.loop.stop()

    async def look(self) -> dict[str, float]:
        """Return the changes that are counted after one more look."""
        await self.clock.advance(INTERVAL)
        await self._until_sleeping()
        [family] = self.metrics.metric_type_changes_total.collect()
        return {
            sample.labels["query"]: sample.value
            for sample in family.samples
            if sample.name.endswith("_total")
        }

    async def _until_sleeping(self) -> None:
        async with asyncio.timeout(60):
            await self.clock.until_sleeping()


async def test_a_change_is_counted_for_the_queries_that_read_the_metric(
    staged: None, caplog: pytest.LogCaptureFixture
) -> None:
    declare(http_errors_total="counter", temperature="gauge", latency_seconds="summary")
    with ThreadPoolExecutor(1) as pool:
        async with Bench(pool) as bench:
            assert await bench.look() == {}
            declare(http_errors_total="counter", temperature="counter", latency_seconds="summary")
            assert await bench.look() == {"heat": 1}
            declare(http_errors_total="counter", temperature="counter")  # a target is down
            assert await bench.look() == {"heat": 1}
            declare(latency_seconds="histogram", http_errors_total="gauge counter", other="gauge")
            assert await bench.look() == {"heat": 1, "latency": 1, "errors": 1}
    told = [vars(record) for record in caplog.records]
    assert [(one["metric"], one["was"], one["is"]) for one in told] == [
        ("temperature", "gauge", "counter"),
        ("http_errors_total", "counter", "counter and gauge"),
        ("latency_seconds", "summary", "histogram"),
    ]


async def test_a_server_without_metadata_costs_one_line(
    staged: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "exporter")
    responses.get(METADATA, status=404)
    with ThreadPoolExecutor(1) as pool:
        async with Bench(pool) as bench:
            for _ in range(3):
                assert await bench.look() == {}
            assert len(caplog.records) == 1
            assert "404" in str(vars(caplog.records[0])["error"])
            declare(temperature="gauge")
            assert await bench.look() == {}
            assert bench.loop.last_error is None


def test_one_of_the_types_before_is_no_change() -> None:
    known = {"a": frozenset({"gauge", "counter"}), "b": frozenset({"gauge"})}
    assert changed(known, {"a": frozenset({"gauge"}), "c": frozenset({"gauge"})}) == set()
    assert changed(known, {"b": frozenset({"counter"})}) == {"b"}


def test_unknown_types_are_none(staged: None) -> None:
    declare(a="unknown", b="gauge unknown")
    assert source_of().metric_types(5.0) == {"b": {"gauge"}}


@pytest.mark.parametrize(
    ("status", "body", "error"), [(200, "[]", DataError), (404, "", QueryRejected)]
)
def test_metadata_fails_as_queries_do(
    staged: None, status: int, body: str, error: type[Exception]
) -> None:
    responses.get(METADATA, status=status, body=body)
    with pytest.raises(error):
        source_of().metric_types(5.0)
