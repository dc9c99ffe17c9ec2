"""How does the exporter combine a query's detectors? It says so in two gauges."""

from collections.abc import Mapping, Sequence
from typing import get_args

from webhook.adapters.prometheus import Prometheus, Track
from webhook.core.links import quoted
from webhook.core.weights import Combine, Ensemble

INFO, WEIGHT = "anomaly_ensemble_info", "anomaly_detector_weight"
_DAY = 86_400.0
_STEP = 300.0


async def ensemble_of(
    prometheus: Prometheus, query: str, ratios: Mapping[str, float], now: float, seconds: float
) -> Ensemble | None:
    """Return what was said last of a query in a day, None where nothing was.

    Parameters
    ----------
    ratios : in force; what the exporter tells are configured weights times these

    Raises
    ------
    PrometheusError
        Without a complete answer in so many `seconds`.
    """
    expr = f'{{__name__=~"{INFO}|{WEIGHT}",query={quoted(query)}}}'
    tracks = await prometheus.course(expr, now - _DAY, now, _STEP, seconds)
    return newest_ensemble(tracks, ratios)


def newest_ensemble(tracks: Sequence[Track], ratios: Mapping[str, float]) -> Ensemble | None:
    """Return the ensemble as the newest samples have it; one that was reconfigured is told twice.

    Parameters
    ----------
    tracks : of both gauges, of as many scrapes as there are
    """
    known = [track for track in tracks if track.times and _can_be_read(track)]
    info = max(
        (track for track in known if track.labels.get("__name__") == INFO),
        key=lambda track: track.times[-1],
        default=None,
    )
    if info is None:
        return None
    weights = {
        track.labels["detector"]: track.values[-1] / ratios.get(track.labels["detector"], 1.0)
        for track in known
        if track.labels.get("__name__") == WEIGHT and track.times[-1] >= info.times[-1]
    }
    if not weights:
        return None
    return Ensemble(_combine(info.labels), float(info.labels.get("quorum", "0.5")), weights)


def _can_be_read(track: Track) -> bool:
    if track.labels.get("__name__") == WEIGHT:
        return bool(track.labels.get("detector")) and 0.0 < track.values[-1] < float("inf")
    try:
        quorum = float(track.labels.get("quorum", "0.5"))
    except ValueError:
        return False
    return track.labels.get("combine") in get_args(Combine) and 0.0 < quorum <= 1.0


def _combine(labels: Mapping[str, str]) -> Combine:
    return next(each for each in get_args(Combine) if each == labels["combine"])
