"""Which samples do people and alerts call out of the ordinary? Incidents and alerts as masks."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from exporter.core.adjustments import TARGET, own_labels, targets_in
from exporter.core.labelnames import named
from exporter.core.masks import Mask, fixed_mask
from exporter.core.series import SeriesBatch
from exporter.core.spans import merged
from exporter.lifecycle.feedback import AFTER, BEFORE, END, REAL, START

MASKING: Final = REAL | {"maintenance"}
"""Verdicts by which samples are not what a series usually does. A false alarm is ordinary, and an
expected change is to be learned."""

LONGEST: Final = 86_400_000
"""Milliseconds for which an incident is masked that has not ended: whoever forgets to close one
must not stop a series from learning for good."""

GAUGES: Final = (START, END, TARGET)
"""What all verdicts are read from."""

_OWN: Final = frozenset({"__name__", "query", "verdict", "incident"})
_ALERTS_OWN: Final = frozenset(
    {"__name__", "alertname", "alertstate", "severity", "query", "exported_query"}
)


def incident_masks(answer: SeriesBatch) -> list[Mask]:
    """Return what people's verdicts mask.

    answer : of `GAUGES`, the newest column
    """
    every = [named(key) for key in answer.keys]
    targets = targets_in(every)
    ended: dict[tuple[str, ...], int] = {}
    began: list[tuple[dict[str, str], int]] = []
    for row, labels in enumerate(every):
        value = float(answer.values[row, -1])
        if not np.isfinite(value) or labels.get("verdict") not in MASKING:
            continue
        if labels.get("__name__") == END:
            ended[_identity(labels)] = round(value * 1000)
        elif labels.get("query"):
            began.append((labels, round(value * 1000)))
    masks = []
    for labels, start in began:
        end = ended.get(_identity(labels), start + LONGEST)
        own, _ = own_labels(labels, targets)
        meant = {name: text for name, text in own.items() if name not in _OWN}
        spans = merged([(start - BEFORE, end + AFTER)])
        if len(spans):
            masks.append(fixed_mask(spans, _agrees(meant), (labels["query"],)))
    return masks


def alert_masks(history: SeriesBatch) -> list[Mask]:
    """Return what alerts mask: series that share a label with one, and differ in none.

    history : an alert each, with a sample wherever it was there
    """
    masks = []
    for row, key in enumerate(history.keys):
        labels = named(key)
        meant = {name: text for name, text in labels.items() if name not in _ALERTS_OWN}
        times = history.times[~np.isnan(history.values[row])].tolist()
        spans = merged((time - BEFORE, time + history.step + AFTER) for time in times)
        query = labels.get("query") or labels.get("exported_query")
        if len(spans) and (meant or query):
            concerns = _agrees(meant) if query else _shares(meant)
            masks.append(fixed_mask(spans, concerns, (query,) if query else ()))
    return masks


def _identity(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in ("query", "incident", "verdict"))


def _agrees(meant: Mapping[str, str]) -> Callable[[Mapping[str, str]], bool]:
    """Return what tells whether a series differs in no label that both have."""

    def concerns(labels: Mapping[str, str]) -> bool:
        return all(labels.get(name, text) == text for name, text in meant.items())

    return concerns


def _shares(meant: Mapping[str, str]) -> Callable[[Mapping[str, str]], bool]:
    """Return what tells whether a series also has one of these labels."""
    agrees = _agrees(meant)
    return lambda labels: agrees(labels) and not labels.keys().isdisjoint(meant)
