"""How did the series of incidents move lately, and when did each become anomalous?

Asked of Prometheus, which has the exporter's gauges; an incident that is no anomaly has no series.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from webhook.adapters.jsonget import JsonSource
from webhook.core.lagged import Floats
from webhook.errors import LookupFailed

STEP = 15
"""Seconds between columns."""

COLUMNS = 240
"""An hour."""

# An incident pauses for so long at most; before that it was another one.
_PAUSE = 90.0
# Of one request: proxies bound the length of an address.
_SELECTORS = 20
# Others need quotes, which only newer versions know; what is found is compared in full anyway.
_NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
# What an alert has beside the labels of its series.
_OF_ALERTS = ("alertname", "severity")


@dataclass(frozen=True, slots=True)
class Movements:
    """What Prometheus knows of some incidents.

    Parameters
    ----------
    values : float64 [incidents, COLUMNS]; deviation in sigmas, else the score; NaN where unknown
    onsets : when each was first anomalous without a pause until now, unix seconds; NaN likewise
    """

    values: Floats
    onsets: Floats


class MovementSource:
    """The gauges of the exporter, in one Prometheus. Its method blocks."""

    def __init__(self, source: JsonSource) -> None:
        self._source = source

    def of(
        self, labels: Sequence[Mapping[str, str]], external: Mapping[str, str], now: float
    ) -> Movements:
        """Return how the series of alerts with these labels moved in the last hour.

        Parameters
        ----------
        external : labels that Prometheus adds to alerts and that its series do not have

        Raises
        ------
        LookupFailed
            If it cannot be asked, or answers something else.
        """
        end = math.floor(now / STEP) * STEP
        start = end - (COLUMNS - 1) * STEP
        series = [_series(one, external) for one in labels]
        values = np.full((len(labels), COLUMNS), np.nan)
        anomalous = np.full((len(labels), COLUMNS), np.nan)
        # Later ones fill what earlier ones lack.
        for metric, into in (
            ("anomaly_score", values),
            ("anomaly_deviation_sigmas", values),
            ("series:anomaly_score:anomalous", anomalous),
        ):
            places = [i for i, one in enumerate(series) if one is not None]
            for at in range(0, len(places), _SELECTORS):
                self._fill(into, metric, series, places[at : at + _SELECTORS], start, end)
        return Movements(values, _onsets(anomalous, start))

    def _fill(
        self,
        into: Floats,
        metric: str,
        series: Sequence[Mapping[str, str] | None],
        places: Iterable[int],
        start: int,
        end: int,
    ) -> None:
        wanted = {_key(labels): i for i in places if (labels := series[i]) is not None}
        query = " or ".join(metric + _selector(dict(key)) for key in wanted)
        answer = self._source.get(
            "/api/v1/query_range",
            {"query": query, "start": f"{start}", "end": f"{end}", "step": f"{STEP}"},
        )
        try:
            for found in answer["data"]["result"]:
                own = {name: v for name, v in found["metric"].items() if name != "__name__"}
                place = wanted.get(_key(own))
                if place is not None:
                    _write(into[place], found["values"], start)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise LookupFailed(
                "bad_answer",
                f"{self._source.address} answers with a result that is not Prometheus' "
                f"({type(error).__name__}); is prometheus.url right?",
            ) from None


def _series(labels: Mapping[str, str], external: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the labels of the series that an alert is about; None for one that is no anomaly."""
    if not labels.get("query"):
        return None
    return {
        name.removeprefix("exported_")
        if name in ("exported_severity", "exported_alertname")
        else name: value
        for name, value in labels.items()
        if name not in _OF_ALERTS and external.get(name) != value
    }


def _key(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _selector(labels: Mapping[str, str]) -> str:
    # JSON escapes what PromQL does, in the same way.
    pairs = (
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in labels.items()
        if _NAME.fullmatch(name)
    )
    return "{" + ",".join(pairs) + "}"


def _write(row: Floats, samples: Sequence[Any], start: int) -> None:
    for at, text in samples:
        value = float(text)
        column = round((float(at) - start) / STEP)
        if math.isfinite(value) and 0 <= column < len(row):
            row[column] = value


def _onsets(anomalous: Floats, start: int) -> Floats:
    """Return the first column of the last run of samples, bridging pauses, as unix seconds."""
    onsets = np.full(len(anomalous), np.nan)
    for i, row in enumerate(np.isfinite(anomalous)):
        columns = np.flatnonzero(row)
        if columns.size:
            breaks = np.flatnonzero(np.diff(columns) * STEP > _PAUSE)
            first = columns[breaks[-1] + 1] if breaks.size else columns[0]
            onsets[i] = start + first * STEP
    return onsets
