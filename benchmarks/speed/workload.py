"""Series as a cluster has them: what kubelet, cadvisor, an ingress and node_exporter expose."""

import random
from collections.abc import Callable

import numpy as np

from exporter.core.series import Floats

EXPR = '{job=~".+"}'
"""Selects all of the workload, and the cheapest expression that does."""

Labels = dict[str, str]


def label_sets(series: int) -> list[Labels]:
    """Return that many distinct label sets, 5 to 13 labels each, the same ones every time."""
    rng = random.Random(1)
    families: list[Callable[[int, random.Random], Labels]] = [
        _container,
        _container,
        _ingress,
        _cpu,
        _queue,
    ]
    return [families[number % len(families)](number, rng) for number in range(series)]


def samples(series: int, columns: int) -> Floats:
    """Return float64 [S, T]: ratios with 16 digits, byte counts, latencies and small integers."""
    rng = np.random.default_rng(1)
    level = rng.uniform(0.2, 0.8, (series, 1))
    wave = 0.1 * np.sin(np.arange(columns) / 40 + rng.uniform(0, 6, (series, 1)))
    ratio = level + wave + rng.normal(0, 0.02, (series, columns))
    values = ratio.copy()
    values[1::5] = np.round(ratio[1::5] * 2**30 / 4096) * 4096
    values[2::5] = np.round(ratio[2::5], 6)
    values[4::5] = np.round(ratio[4::5] * 20)
    return values


def _container(number: int, rng: random.Random) -> Labels:
    pod = f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}"
    return {
        "__name__": "container_cpu_usage_seconds_total",
        "container": f"app-{number % 37}",
        "cpu": "total",
        "endpoint": "https-metrics",
        "id": f"/kubepods.slice/kubepods-burstable.slice/pod{pod}",
        "image": f"images.example.org/team-{number % 7}/app-{number % 37}:1.{number % 5}.0",
        "instance": f"10.0.{number % 50}.{number % 250}:10250",
        "job": "kubelet",
        "metrics_path": "/metrics/cadvisor",
        "namespace": f"team-{number % 7}",
        "node": f"node-{number % 50}",
        "pod": f"app-{number % 37}-{pod}-{number}",
        "service": "kubelet",
    }


def _ingress(number: int, rng: random.Random) -> Labels:
    return {
        "__name__": "ingress_request_latency_p99_seconds",
        "host": f"shop-{number % 40}.example.org",
        "instance": f"10.1.{number % 8}.7:10254",
        "job": "ingress",
        "method": rng.choice(["GET", "POST", "PUT"]),
        "path": f"/api/v1/resource-{number}",
        "status": rng.choice(["200", "404", "500"]),
    }


def _cpu(number: int, _: random.Random) -> Labels:
    return {
        "__name__": "node_cpu_seconds_total",
        "cpu": str(number % 64),
        "instance": f"10.2.{number // 250}.{number % 250}:9100",
        "job": "node",
        "mode": "system",
    }


def _queue(number: int, _: random.Random) -> Labels:
    return {
        "__name__": "queue_depth_messages",
        "environment": "production",
        "instance": f"10.3.{number % 4}.1:15692",
        "job": "rabbitmq",
        "queue": f"orders.{number}.incoming",
        "vhost": f"tenant-{number % 20}",
    }
