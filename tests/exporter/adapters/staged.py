"""A Prometheus whose answers and faults are staged."""

import json
from urllib.parse import parse_qs

import requests

from exporter.adapters.prometheus import PrometheusSource
from exporter.core.grid import grid

URL = "http://anna:geheim@prometheus.test:9090/prom/"
RANGE = f"{URL}api/v1/query_range"
BUILD = f"{URL}api/v1/status/buildinfo"
SAFE = "http://prometheus.test:9090/prom"
STEP = 15_000
START = 1_763_700_000_000


class Time:
    """Stands still but for sleeps, and for what each look at it costs."""

    def __init__(self, cost: float = 0.0) -> None:
        self.seconds = 0.0
        self.cost = cost
        self.slept: list[float] = []

    def monotonic(self) -> float:
        self.seconds += self.cost
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def source_of(url: str = URL, clock: Time | None = None, **limits: int) -> PrometheusSource:
    clock = clock or Time()
    return PrometheusSource(
        url,
        requests.Session(),
        monotonic=clock.monotonic,
        sleep=clock.sleep,
        jitter=lambda: 0.5,
        **limits,
    )


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]], **more: object) -> str:
    result = [{"metric": labels, "values": values} for labels, values in series]
    data = {"resultType": "matrix", "result": result}
    return json.dumps({"status": "success", "data": data, **more}, separators=(",", ":"))


def error(kind: str, message: str) -> str:
    return json.dumps({"status": "error", "errorType": kind, "error": message})


def sent(request: requests.PreparedRequest) -> dict[str, str]:
    body = request.body
    assert isinstance(body, str)
    return {name: values[0] for name, values in parse_qs(body).items()}


def ramp(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
    """Answer with a series that is there at every column, and one at early slices' beginnings."""
    asked = sent(request)
    times = grid(int(float(asked["start"]) * 1000), int(float(asked["end"]) * 1000), STEP)
    always = [(time / 1000, str(time - START)) for time in times.tolist()]
    series = [({"a": "always"}, always)]
    if times[0] < START + 1_000 * STEP:
        series.insert(0, ({"a": "sometimes"}, always[:1]))
    return 200, {}, matrix(*series)
