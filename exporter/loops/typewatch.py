"""Has a metric that a query reads become one of another type?

A query's answer does not tell: `rate()` of a gauge is as much a number as that of a counter. The
targets do, and Prometheus knows what they said last.
"""

import logging
import re
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Final

from exporter.adapters.prometheus import PrometheusSource
from exporter.adapters.qualitymetrics import QualityMetrics
from exporter.loops.slowloop import SlowLoop
from promkit.clock import Clock

log = logging.getLogger(__name__)

INTERVAL: Final = 600.0
"""Seconds between looks: a type changes with a release of what is watched."""

TIMEOUT: Final = 10.0

Types = Mapping[str, frozenset[str]]
"""Metric name -> the types that targets declare for it."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')
_MATCHERS = re.compile(r"\{[^{}]*\}")
_WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SUFFIX = re.compile(r"_(?:bucket|sum|count|total)$")


class TypeLoop(SlowLoop):
    """Counts, for every query, the metrics that it reads and whose type has changed.

    Parameters
    ----------
    source : whom to ask
    exprs : query name -> PromQL
    known : what an earlier loop knew
    metrics : where they are counted
    """

    def __init__(
        self,
        source: PrometheusSource,
        exprs: Mapping[str, str],
        *,
        known: Types,
        clock: Clock,
        pool: Executor,
        metrics: QualityMetrics,
    ) -> None:
        super().__init__("metric types", INTERVAL, clock=clock, pool=pool)
        self.known = dict(known)
        self._source = source
        self._words = {query: _words(expr) for query, expr in exprs.items()}
        self._metrics = metrics

    async def _cycle(self) -> None:
        declared = await self._work(self._source.metric_types, TIMEOUT)
        for name in sorted(changed(self.known, declared)):
            readers = [query for query, words in self._words.items() if name in words]
            for query in readers:
                self._metrics.metric_type_changes_total.labels(query).inc()
                was, now = (" and ".join(sorted(one[name])) for one in (self.known, declared))
                log.warning(
                    "a metric has become one of another type; does the expression still fit?",
                    extra={"query": query, "metric": name, "was": was, "is": now},
                )
        self.known.update(declared)
        self.last_error = None

    def _fail(self, error: Exception) -> None:
        message = f"{type(error).__name__}: {error}"
        if self.last_error != message:
            log.info("types of metrics are not known", extra={"error": message})
        self.last_error = message


def changed(known: Types, declared: Types) -> set[str]:
    """Return the metrics that are declared with a type which they did not have before.

    A type that nobody declares any more is no change: its target may only be down.
    """
    return {name for name, types in declared.items() if name in known and types - known[name]}


def _words(expr: str) -> frozenset[str]:
    """Return all that may be a metric's name in an expression, or what it is declared under."""
    words = set(_WORD.findall(_MATCHERS.sub(" ", _STRING.sub(" ", expr))))
    return frozenset(words | {_SUFFIX.sub("", word) for word in words})
