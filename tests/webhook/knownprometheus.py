"""A real Prometheus whose past is known: one latency that leaves its band, and its neighbours."""

import math
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from quickstart.programs import FOLDER, obtain

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
SERIES = {"query": "latency", "service": "checkout", "pod": 'p"1', "severity": "gold"}
NEIGHBOUR = {**SERIES, "pod": "p-2"}
# As the rules write it: the series' own severity moved aside, an external label, one of a relay.
ALERT = {
    "alertname": "AnomalyDetected",
    "severity": "critical",
    "query": "latency",
    "service": "checkout",
    "pod": 'p"1',
    "exported_severity": "gold",
    "cluster": "eu.1",
    "grafana_folder": "x",
}


@dataclass(frozen=True)
class KnownPrometheus:
    """Where it is, and the instant at which the latency is 1.84 instead of 0.31."""

    url: str
    at: float


@contextmanager
def known_prometheus(folder: Path) -> Iterator[KnownPrometheus]:
    at = math.floor(time.time() / MINUTE) * MINUTE - 10 * MINUTE
    with prometheus_with(folder, _past(at)) as url:
        yield KnownPrometheus(url, at)


@contextmanager
def prometheus_with(folder: Path, past: str) -> Iterator[str]:
    """Start a Prometheus that scrapes nothing and knows a past, in OpenMetrics; yield its URL."""
    programs = obtain(FOLDER, lambda _: None)
    (folder / "past.om").write_text(past)
    subprocess.run(
        [programs["promtool"], "tsdb", "create-blocks-from", "openmetrics", folder / "past.om",
         folder / "data"],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1m}\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    command = [
        str(programs["prometheus"]),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--storage.tsdb.retention.time=30d",
        "--log.level=error",
    ]
    with subprocess.Popen(command) as process:
        try:
            _wait(f"http://{address}/-/ready")
            yield f"http://{address}"
        finally:
            process.terminate()


def _past(at: float) -> str:
    """Return OpenMetrics: three hours and a bit until `at`, and moments of a day and a week ago."""
    moments = [at - 4 * HOUR + MINUTE * i for i in range(250)]
    before = {at - DAY: 0.24, at - 7 * DAY: 0.25}
    lines: list[str] = []

    def gauge(name: str, values: Mapping[float, float], labels: Mapping[str, str]) -> None:
        quoted = ",".join(
            f'{key}="{value.replace(chr(34), chr(92) + chr(34))}"' for key, value in labels.items()
        )
        lines.append(f"# TYPE {name} gauge")
        lines.extend(f"{name}{{{quoted}}} {values[each]} {each:.0f}" for each in sorted(values))

    def flat(value: float) -> dict[float, float]:
        return dict.fromkeys(moments, value)

    spike = {each: 0.31 if abs(each - at) > 5 * MINUTE else 1.84 for each in moments}
    score = {each: 0.1 if abs(each - at) > 5 * MINUTE else 0.97 for each in moments}
    families: dict[str, list[tuple[dict[float, float], dict[str, str]]]] = {
        "anomaly_value": [({**before, **spike}, SERIES), (flat(9.0), NEIGHBOUR)],
        "anomaly_expected_value": [(flat(0.31), SERIES), (flat(9.0), NEIGHBOUR)],
        "anomaly_lower_bound": [(flat(0.21), SERIES)],
        "anomaly_upper_bound": [(flat(0.47), SERIES)],
        "anomaly_score": [(score, SERIES), (flat(0.0), NEIGHBOUR)],
        "anomaly_threshold": [(flat(0.6), SERIES), (flat(0.6), NEIGHBOUR)],
        "anomaly_deviation_sigmas": [(flat(23.5), SERIES)],
        "anomaly_pattern_shift": [(flat(1.0), SERIES)],
        "anomaly_detector_score": [
            (flat(0.98), {**SERIES, "detector": "mad"}),
            (flat(0.2), {**SERIES, "detector": "zscore"}),
        ],
        "anomaly_ensemble_info": [
            (flat(1.0), {"query": "latency", "combine": "mean", "quorum": "0.5"})
        ],
        "anomaly_detector_weight": [
            (flat(0.4), {"query": "latency", "detector": "mad"}),
            (flat(0.4), {"query": "latency", "detector": "zscore"}),
            (flat(0.2), {"query": "latency", "detector": "ewma"}),
        ],
        "anomaly_detector_score_max": [(flat(0.99), {"query": "latency", "detector": "mad"})],
        "anomaly_exporter_series": [(flat(12.0), {"query": "latency"})],
        "anomaly_exporter_query_info": [(flat(1.0), {"query": "latency", "unit": "seconds"})],
        "anomaly_forecast_breach_timestamp_seconds": [(flat(at + 7800), SERIES)],
        "anomaly_forecast_breach_earliest_timestamp_seconds": [(flat(at + 5400), SERIES)],
        "anomaly_forecast_breach_latest_timestamp_seconds": [(flat(math.inf), SERIES)],
        "anomaly_forecast_breach_probability": [(flat(0.8), SERIES)],
    }
    for name, each in families.items():
        for values, labels in each:
            gauge(name, values, labels)
    text: list[str] = []
    seen: set[str] = set()
    for line in lines:
        if line.startswith("#"):
            if line in seen:
                continue
            seen.add(line)
        text.append(line.replace(" inf ", " +Inf "))
    return "\n".join([*text, "# EOF", ""])


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("Prometheus did not start")
