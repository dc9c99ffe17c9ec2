"""What do evaluations cost, on both sides, measured in turns within one run?"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import requests

from benchmarks.speed.server import Server
from exporter.adapters.exposition import Page
from exporter.adapters.matrix import decode_matrix
from exporter.adapters.memory import return_freed_memory
from exporter.adapters.prometheus import PrometheusSource
from exporter.config import parse_config
from exporter.core.grid import to_batch
from exporter.loops.runner import Outcome, QueryRunner

STEP = 15.0
PHASES = ("fetch", "detect", "publish", "render")

_CONFIG = """
evaluation_interval: {step:.0f}s
queries:
  - name: speed
    expr: '{expr}'
    max_series: 1000000
    offset: 0
    timeout: 5m
"""


@dataclass(frozen=True)
class Costs:
    """CPU seconds per evaluation, means over all of them.

    Parameters
    ----------
    prometheus : to answer the query, less what it spends on nothing in the same time
    phases : the exporter's, by name
    series, page_bytes, answer_bytes : per evaluation
    decoding : the part of `fetch` that makes a batch of an answer's bytes
    lookback : of the first evaluation, with all its history: CPU seconds of the exporter, and
        seconds on the clock
    """

    prometheus: float
    phases: dict[str, float]
    series: int
    page_bytes: int
    answer_bytes: int
    decoding: float
    lookback: tuple[float, float]

    @property
    def exporter(self) -> float:
        """Return the sum over the phases."""
        return sum(self.phases.values())

    @property
    def ratio(self) -> float:
        """Return the exporter's share of Prometheus' cost."""
        return self.exporter / self.prometheus


def make_runner(url: str, expr: str, observe: Callable[[str, float], None]) -> QueryRunner:
    """Return what the service runs for a query with default detectors, timed in CPU seconds."""
    config = parse_config(_CONFIG.format(step=STEP, expr=expr), "speed.yml")
    source = PrometheusSource(url, requests.Session())
    return QueryRunner(config.all_queries()[0], source, None, observe, time.process_time)


def look_back(runner: QueryRunner, now: float) -> Outcome:
    """Run until all columns up to `now` (unix seconds) are judged."""
    while (outcome := runner.run(now)).is_behind:
        pass
    return outcome


def measure(server: Server, expr: str, start: float, evaluations: int) -> Costs:
    """Run evaluations one step apart from `start` (unix seconds) on, after a first look-back."""
    spent: dict[str, float] = defaultdict(float)

    def observe(phase: str, seconds: float) -> None:
        spent[phase] += seconds

    return_freed_memory()  # as the daemon does
    runner = make_runner(server.url, expr, observe)
    page = Page()
    began, asked = time.process_time(), time.monotonic()
    for _ in page.render([look_back(runner, start).published]):
        pass
    lookback = time.process_time() - began, time.monotonic() - asked
    spent.clear()
    prometheus = idle = 0.0
    size = series = 0
    for evaluation in range(1, evaluations + 1):
        before = server.wait_until_idle()
        asked = time.monotonic()
        began = time.process_time()
        outcome = runner.run(start + evaluation * STEP)
        published = time.process_time()
        size = sum(map(len, page.render([outcome.published])))
        rendered = time.process_time()
        spent["render"] += rendered - published
        spent["run"] += published - began
        series = len(outcome.published.keys)
        after = server.wait_until_idle()
        took = time.monotonic() - asked
        time.sleep(took)
        idle += server.cpu_seconds() - after
        prometheus += after - before
    spent["publish"] = spent.pop("run") - spent["fetch"] - spent["detect"]
    answer_bytes, decoding = _decoding(server.url, expr, start)
    return Costs(
        prometheus=(prometheus - idle) / evaluations,
        phases={phase: spent[phase] / evaluations for phase in PHASES},
        series=series,
        page_bytes=size,
        answer_bytes=answer_bytes,
        decoding=decoding,
        lookback=lookback,
    )


def _decoding(url: str, expr: str, at: float) -> tuple[int, float]:
    """Return the size of an answer of one column, and the median cost of making a batch of it."""
    moment = {"query": expr, "start": str(at), "end": str(at), "step": str(STEP)}
    body = requests.get(f"{url}/api/v1/query_range", params=moment, timeout=60).content
    now, step = round(at * 1000), round(STEP * 1000)
    spent = []
    for _ in range(21):
        began = time.process_time()
        found = decode_matrix(body)
        to_batch(
            found.keys, found.lengths, found.times, found.values, start=now, end=now, step=step
        )
        spent.append(time.process_time() - began)
    return len(body), statistics.median(spent)
