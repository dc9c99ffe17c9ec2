"""What does Prometheus know of everything that is watched, now? One request for each part."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webhook.adapters.prometheus import Prometheus, Track

NAMED = 10
"""How many targets that are down are named, and"""
WORST = 20
"""how many series that have drifted."""
MODEL_WINDOW = "30d"

# What an exporter published within a day tells that it exists, also while it is down.
_WATCHED = {
    "exporter": "up and on (job, instance) last_over_time(anomaly_exporter_build_info[1d])",
    "build": "anomaly_exporter_build_info",
    "targets": "count(up)",
    "down": "count(up == 0)",
    "name": f"topk({NAMED}, 1 - up == 1)",
    "evaluated": "min by (query) (anomaly_exporter_last_evaluation_timestamp_seconds)",
    "interval": "max by (query) (anomaly_exporter_evaluation_interval_seconds)",
    "series": "sum by (query) (anomaly_exporter_series)",
    "warming": "sum by (query) (anomaly_exporter_series_warming)",
    "missing": "count by (query) (anomaly_series_missing == 1)",
    "failing": "sum by (query, reason) (increase(anomaly_exporter_query_failures_total[10m])) > 0",
}
_DRIFTED = {
    "checked": "count(anomaly_drift_severity)",
    "drifted": "count(anomaly_drift_severity > 0)",
    "worst": f"topk({WORST}, anomaly_drift_severity > 0)",
}
_MODELS = {
    **{
        name: f'anomaly_model_{name}_ratio{{window="{MODEL_WINDOW}"}}'
        for name in ("precision", "recall", "f1", "roc_auc")
    },
    "labelled": f'anomaly_model_labelled_predictions{{window="{MODEL_WINDOW}"}}',
    "degraded": "anomaly_model_degradation_severity",
}
_CONVERSION = {"conversion": "query:anomaly_alert_conversion:ratio1d"}
# A query that was not evaluated for so many intervals is late.
_LATE = 4


@dataclass(frozen=True, slots=True)
class Exporter:
    """One that was scraped within a day."""

    instance: str
    version: str
    is_up: bool


@dataclass(frozen=True, slots=True)
class QueryNow:
    """How a query of the exporters is doing; None is what nobody publishes now.

    Parameters
    ----------
    evaluated_at : unix seconds, 0 for never
    failing : why evaluations of the last minutes published nothing
    """

    name: str
    series: int | None = None
    warming: int | None = None
    missing: int = 0
    evaluated_at: float | None = None
    interval: float | None = None
    failing: tuple[str, ...] = ()

    def is_late(self, now: float) -> bool:
        """Tell whether its last evaluation was too long ago."""
        if not self.evaluated_at or self.interval is None:
            return False
        return now - self.evaluated_at > _LATE * self.interval


@dataclass(frozen=True, slots=True)
class Watched:
    """Exporters, their queries, and the targets of Prometheus.

    Parameters
    ----------
    targets : how many there are
    down : how many of them cannot be scraped
    down_names : of some of these
    """

    exporters: Sequence[Exporter] = ()
    queries: Sequence[QueryNow] = ()
    targets: int = 0
    down: int = 0
    down_names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DriftedSeries:
    """A series whose distribution has changed: severity 1 moderate, 2 high, 3 critical."""

    query: str
    labels: Mapping[str, str]
    severity: int


@dataclass(frozen=True, slots=True)
class Drifted:
    """How many series were checked for drift, how many have drifted, and the worst of them."""

    checked: int = 0
    drifted: int = 0
    worst: Sequence[DriftedSeries] = ()


@dataclass(frozen=True, slots=True)
class WatchedModel:
    """A model of the user's own, over `MODEL_WINDOW`; NaN where nobody can tell."""

    name: str
    version: str
    numbers: Mapping[str, float] = field(default_factory=dict)


async def watched(prometheus: Prometheus, now: float, seconds: float) -> Watched:
    """Return the state of exporters and targets at an instant.

    Raises
    ------
    PrometheusError
        Without an answer in so many `seconds`.
    """
    found = await _ask(prometheus, _WATCHED, now, seconds)
    versions = {_place(track): track.labels.get("version", "") for track in found["build"]}
    exporters = [
        Exporter(_place(track)[1], versions.get(_place(track), ""), track.values[0] == 1)
        for track in found["exporter"]
    ]
    names = sorted(
        f"{track.labels.get('instance', '?')} ({track.labels.get('job', '?')})"
        for track in found["name"]
    )
    return Watched(
        exporters=sorted(exporters, key=lambda each: each.instance),
        queries=_queries(found),
        targets=_count(found["targets"]),
        down=_count(found["down"]),
        down_names=names,
    )


async def drifted(prometheus: Prometheus, now: float, seconds: float) -> Drifted:
    """Return what has drifted at an instant, the worst first; raises as `watched`."""
    found = await _ask(prometheus, _DRIFTED, now, seconds)
    worst = [
        DriftedSeries(track.labels.get("query", ""), _series(track.labels), _degree(track))
        for track in found["worst"]
    ]
    worst.sort(key=lambda each: (-each.severity, each.query, sorted(each.labels.items())))
    return Drifted(_count(found["checked"]), _count(found["drifted"]), worst)


async def models(prometheus: Prometheus, now: float, seconds: float) -> Sequence[WatchedModel]:
    """Return the models whose predictions are watched, by name; raises as `watched`."""
    found = await _ask(prometheus, _MODELS, now, seconds)
    numbers: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for what, tracks in found.items():
        for track in tracks:
            key = (track.labels.get("model", ""), track.labels.get("model_version", ""))
            numbers[key][what] = _degree(track) if what == "degraded" else track.values[0]
    return [WatchedModel(*key, numbers[key]) for key in sorted(numbers)]


async def conversion(prometheus: Prometheus, now: float, seconds: float) -> Mapping[str, float]:
    """Return query -> share of its episodes that became incidents within a day; see `watched`."""
    found = await _ask(prometheus, _CONVERSION, now, seconds)
    return {track.labels.get("query", ""): track.values[0] for track in found["conversion"]}


async def _ask(
    prometheus: Prometheus, expressions: Mapping[str, str], now: float, seconds: float
) -> Mapping[str, Sequence[Track]]:
    """Return what each expression gives, all of one instant."""
    whole = " or ".join(
        f'label_replace({expression}, "what", "{name}", "", "")'
        for name, expression in expressions.items()
    )
    found: dict[str, list[Track]] = {name: [] for name in expressions}
    for track in await prometheus.instant(whole, now, seconds):
        # What is no number is not known; anybody may write gauges of these names.
        if math.isfinite(track.values[0]):
            found[track.labels["what"]].append(track)
    return found


def _degree(track: Track) -> int:
    """Return a severity as we have names for it, 0 to 3."""
    return int(min(max(track.values[0], 0.0), 3.0))


def _queries(found: Mapping[str, Sequence[Track]]) -> Sequence[QueryNow]:
    by_query = {
        what: {track.labels.get("query", ""): track.values[0] for track in found[what]}
        for what in ("evaluated", "interval", "series", "warming", "missing")
    }
    failing: dict[str, list[str]] = defaultdict(list)
    for track in found["failing"]:
        failing[track.labels.get("query", "")].append(track.labels.get("reason", ""))

    def whole(what: str, name: str) -> int | None:
        number = by_query[what].get(name)
        return None if number is None else int(number)

    names = {name for known in by_query.values() for name in known} | set(failing)
    return [
        QueryNow(
            name,
            whole("series", name),
            whole("warming", name),
            whole("missing", name) or 0,
            by_query["evaluated"].get(name),
            by_query["interval"].get(name),
            tuple(sorted(failing[name])),
        )
        for name in sorted(names)
    ]


def _place(track: Track) -> tuple[str, str]:
    return track.labels.get("job", ""), track.labels.get("instance", "")


def _count(tracks: Sequence[Track]) -> int:
    return int(tracks[0].values[0]) if tracks else 0


def _series(labels: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in labels.items() if name not in ("__name__", "query", "what")
    }
