"""Which alerts fired while nobody listened? Prometheus' own record of them, the series ALERTS."""

import logging
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from webhook.adapters.jsonget import JsonSource
from webhook.core.alerts import Alert
from webhook.core.fingerprint import fingerprint
from webhook.core.reconcile import came_and_went
from webhook.core.text import storable
from webhook.errors import LookupFailed

log = logging.getLogger(__name__)

_FIRING = 'ALERTS{alertstate="firing"}'
# Fine enough for any rule that is evaluated more rarely, and so many columns at most.
_STEP = 5
_COLUMNS = 5_000


@dataclass(frozen=True, slots=True)
class Relabeling:
    """How Prometheus changes the labels of an alert before it sends it.

    Parameters
    ----------
    external : added where the alert has no label of that name
    dropped : patterns of names that are dropped
    is_complete : whether nothing else is configured that we cannot follow
    """

    external: Mapping[str, str]
    dropped: tuple[re.Pattern[str], ...] = ()
    is_complete: bool = True

    def sent(self, series: Mapping[str, str]) -> dict[str, str]:
        """Return the labels of the alert that a series of ALERTS stands for."""
        own = {n: v for n, v in series.items() if n not in ("__name__", "alertstate") and v}
        return {
            storable(name): storable(value)
            for name, value in {**self.external, **own}.items()
            if not any(pattern.fullmatch(name) for pattern in self.dropped)
        }


class AlertsHistory:
    """The record of one Prometheus. Its methods block."""

    def __init__(self, source: JsonSource) -> None:
        self._source = source

    def relabeling(self) -> Relabeling:
        """Return what it does to the labels of alerts, from its configuration.

        Raises
        ------
        LookupFailed
            If it cannot be asked, or answers something else.
        """
        answer = self._source.get("/api/v1/status/config")
        try:
            config = yaml.safe_load(answer["data"]["yaml"]) or {}
            external = (config.get("global") or {}).get("external_labels") or {}
            rules = (config.get("alerting") or {}).get("alert_relabel_configs") or ()
            dropped = [rule["regex"] for rule in rules if rule.get("action") == "labeldrop"]
            return Relabeling(
                {str(name): str(value) for name, value in external.items()},
                tuple(re.compile(pattern) for pattern in dropped),
                is_complete=len(dropped) == len(rules),
            )
        except (KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError, re.error) as error:
            raise self._odd("configuration", error) from None

    def ended_between(self, start: float, end: float) -> list[Alert]:
        """Return what fired and stopped between two instants (unix seconds), as resolved alerts.

        Raises
        ------
        LookupFailed
            If it cannot be asked, or answers something else.
        """
        relabeling = self.relabeling()
        if not relabeling.is_complete:
            log.warning(
                "alert_relabel_configs other than labeldrop: alerts that ended meanwhile are kept "
                "with the labels that they had before",
            )
        # Whole seconds, so that the columns of two queries are the same numbers exactly.
        step = max(_STEP, math.ceil((end - start) / _COLUMNS))
        start, end = (math.floor(at / step) * step for at in (start, end))
        parameters = {"start": f"{start}", "end": f"{end}", "step": f"{step}"}
        watched = {at for _, times in self._range("count(up)", parameters) for at in times}
        found: list[Alert] = []
        for series, times in self._range(_FIRING, parameters):
            labels = relabeling.sent(series)
            found += came_and_went(labels, times, step, end, watched)
        return sorted(found, key=lambda alert: alert.starts_at)

    def firing_now(self) -> frozenset[str]:
        """Return the fingerprints of everything that fires.

        Raises
        ------
        LookupFailed
            If it cannot be asked, or answers something else.
        """
        relabeling = self.relabeling()
        answer = self._source.get("/api/v1/query", {"query": _FIRING})
        return frozenset(
            fingerprint(relabeling.sent(series)) for series, _ in self._series(answer, "value")
        )

    def _range(
        self, query: str, parameters: Mapping[str, str]
    ) -> list[tuple[Mapping[str, str], list[float]]]:
        answer = self._source.get("/api/v1/query_range", {"query": query, **parameters})
        return list(self._series(answer, "values"))

    def _series(self, answer: Any, key: str) -> Iterator[tuple[Mapping[str, str], list[float]]]:
        try:
            if answer.get("isPartial"):
                raise LookupFailed("unavailable", f"{self._source.address}: a partial answer")
            for series in answer["data"]["result"]:
                samples = series[key] if key == "values" else [series[key]]
                yield series["metric"], [float(at) for at, _ in samples]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._odd("result", error) from None

    def _odd(self, what: str, error: Exception) -> LookupFailed:
        return LookupFailed(
            "bad_answer",
            f"{self._source.address} answers with a {what} that is not Prometheus' "
            f"({type(error).__name__}); is prometheus.url right?",
        )
