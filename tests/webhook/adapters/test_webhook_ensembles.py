"""How are detectors combined now? What Prometheus has of a day may tell of yesterday's, too."""

import pytest

from tests.webhook.knownprometheus import KnownPrometheus
from webhook.adapters.ensembles import ensemble_of, newest_ensemble
from webhook.adapters.prometheus import Prometheus, Track
from webhook.core.weights import Ensemble
from webhook.settings.sources import SourceConfig


def info(combine: str, quorum: str = "0.5", until: float = 900.0, **labels: str) -> Track:
    own = {"__name__": "anomaly_ensemble_info", "combine": combine, "quorum": quorum, **labels}
    return Track(own, (0.0, until), (1.0, 1.0))


def weight(detector: str, value: float, until: float = 900.0, **labels: str) -> Track:
    own = {"__name__": "anomaly_detector_weight", "detector": detector, **labels}
    return Track(own, (0.0, until), (9.0, value))


def test_the_newest_samples_count() -> None:
    tracks = [
        info("mean", until=300.0),
        info("max"),
        weight("mad", 0.44),
        weight("zscore", 0.3, until=300.0),
        weight("ewma", 0.2),
    ]
    # As configured: without the ratios that are in force.
    found = newest_ensemble(tracks, {"mad": 1.1, "zscore": 0.9})
    assert found == Ensemble("max", 0.5, {"mad": 0.44 / 1.1, "ewma": 0.2})


@pytest.mark.parametrize(
    "tracks",
    [
        [],
        [weight("mad", 0.4)],
        [info("mean")],
        [info("mean"), weight("mad", 0.4, until=300.0)],
        [info("sum"), weight("mad", 0.4)],
        [info("quorum", "half"), weight("mad", 0.4)],
        [info("quorum", "0"), weight("mad", 0.4)],
        [info("mean"), weight("", 0.4), weight("mad", float("nan")), weight("ewma", 0.0)],
    ],
)
def test_what_cannot_be_read_is_not_known(tracks: list[Track]) -> None:
    assert newest_ensemble(tracks, {}) is None


async def test_prometheus_is_asked_of_a_day(known: KnownPrometheus) -> None:
    prometheus = Prometheus(known.url, SourceConfig(url=known.url))
    try:
        found = await ensemble_of(prometheus, "latency", {}, known.at + 600, 5.0)
        other = await ensemble_of(prometheus, "disk", {}, known.at + 600, 5.0)
    finally:
        prometheus.close()
    assert found == Ensemble("mean", 0.5, {"mad": 0.4, "zscore": 0.4, "ewma": 0.2})
    assert other is None
