"""How high were the scores of incidents and marks? One request for several of them."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webhook.adapters.likeness import PART, own_labels, without_name
from webhook.adapters.prometheus import Prometheus, Track
from webhook.core.links import selector

# What is asked of each span, and what summarises it.
_PARTS = {
    "score": ("anomaly_score", "max_over_time"),
    "threshold": ("anomaly_threshold", "last_over_time"),
    "detectors": ("anomaly_detector_score", "max_over_time"),
}
_Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A time of a series, or of every series that has these labels.

    Parameters
    ----------
    labels : as the exporter has them, without `query`
    start, end : unix seconds
    is_exact : whether a series with more labels is another one
    """

    query: str
    labels: Mapping[str, str]
    start: float
    end: float
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Peaks:
    """The highest scores, those of the series with the highest one; None where nobody knows.

    Parameters
    ----------
    threshold : of that series, at the end
    detectors : detector -> its highest score
    """

    score: float | None = None
    threshold: float | None = None
    detectors: Mapping[str, float] = field(default_factory=dict)


async def highest(
    prometheus: Prometheus, spans: Mapping[str, Span], now: float, seconds: float
) -> dict[str, Peaks]:
    """Return the peaks of each span, by its name, those without samples left out.

    Parameters
    ----------
    now : unix seconds

    Raises
    ------
    PrometheusError
        Without a complete answer in so many `seconds`.
    """
    if not spans:
        return {}
    expr = " or ".join(
        _part(f"{name}:{part}", span, part) for name, span in spans.items() for part in _PARTS
    )
    parts: defaultdict[str, list[Track]] = defaultdict(list)
    for track in await prometheus.instant(expr, now, seconds):
        parts[track.labels.get(PART, "")].append(track)
    found: dict[str, Peaks] = {}
    for name, span in spans.items():
        peaks = _peaks(span, *(parts[f"{name}:{part}"] for part in _PARTS))
        if peaks is not None:
            found[name] = peaks
    return found


def _part(name: str, span: Span, part: str) -> str:
    gauge, summary = _PARTS[part]
    series = selector(gauge, {"query": span.query, **span.labels})
    seconds = max(1, math.ceil(span.end - span.start))
    return (
        f'label_replace({summary}({series}[{seconds}s] @ {span.end:.3f}), "{PART}", "{name}", '
        '"", "")'
    )


def _peaks(
    span: Span, scores: Sequence[Track], thresholds: Sequence[Track], votes: Sequence[Track]
) -> Peaks | None:
    by_series: dict[_Key, float] = {}
    for track in scores:
        key = _key(track)
        value = track.values[-1]
        if math.isfinite(value) and (not span.is_exact or dict(key) == span.labels):
            by_series[key] = max(value, by_series.get(key, value))
    if not by_series:
        return None
    worst = max(by_series, key=lambda key: (by_series[key], key))
    threshold = [track.values[-1] for track in thresholds if _key(track) == worst]
    detectors: dict[str, float] = {}
    for track in votes:
        detector, value = track.labels.get("detector", ""), track.values[-1]
        if detector and _key(track, "detector") == worst and math.isfinite(value):
            # Several exporters may watch a query.
            detectors[detector] = max(value, detectors.get(detector, value))
    return Peaks(
        by_series[worst],
        threshold[0] if threshold and math.isfinite(threshold[0]) else None,
        detectors,
    )


def _key(track: Track, *without: str) -> _Key:
    own = own_labels(without_name(track))
    return tuple(sorted((name, value) for name, value in own.items() if name not in without))
