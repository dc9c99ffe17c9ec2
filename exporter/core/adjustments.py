"""By what have people's verdicts moved the thresholds, and of which series?

An adjustment is a factor on the threshold of a whole query, or of one of its series. It comes as a
gauge that was scraped from the webhook, so it carries labels of that scrape, and labels of the
series may have been renamed by it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from exporter.core.labelnames import MOVED, named, published_labels
from exporter.core.series import Floats, Keys, SeriesBatch

LOWEST: Final = 0.5
HIGHEST: Final = 1.5
"""Ratios beyond these are cut, and so is the product of several."""

FLOOR: Final = 0.3
"""No threshold is lowered below this, half of the default: every hundredth sample or so of a
healthy series scores as much."""

WEIGHT_GAUGE: Final = "anomaly_detector_weight_ratio"
"""Comes in the same answer; see `exporter.core.weights`."""

TARGET: Final = "anomaly_webhook_build_info"
"""Says by its labels which of them the scrape of the webhook adds."""

_SCRAPED: Final = frozenset({"job", "instance"})
_NAMES: Final = ("__name__", "query")
_OTHERS: Final = (TARGET, WEIGHT_GAUGE)
_TARGETS_OWN: Final = ("__name__", "version")
_ROUNDING: Final = 9


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A factor on a threshold.

    Parameters
    ----------
    query : whose
    labels : of one series, as published; nothing for all series of the query
    ratio : from `LOWEST` to `HIGHEST`
    foreign : names among `labels` that may be a scrape's, if the series has no such label
    """

    query: str
    labels: Mapping[str, str]
    ratio: float
    foreign: frozenset[str] = field(default=_SCRAPED)

    def concerns(self, own: Mapping[str, str], name: str) -> bool:
        """Tell whether it is about the series with these published labels.

        It is if both have the same labels, but for those that a scrape of the exporter or of the
        webhook may have added, moved, or taken the place of.
        """
        labels = self.labels
        return all(
            value in (labels.get(label), labels.get(f"{MOVED}{label}"))
            or (label in self.foreign and label not in labels)
            for label, value in own.items()
        ) and all(
            label in own
            or label in self.foreign
            or own.get(label.removeprefix(MOVED)) == value
            or (label, value) == ("metric_name", name)
            for label, value in labels.items()
        )


class Adjustments:
    """All adjustments in force; any thread may ask.

    Parameters
    ----------
    entries : in any order; where several are about the same, the one closest to 1 counts
    """

    def __init__(self, entries: Iterable[Adjustment] = ()) -> None:
        self.entries = tuple(entry for entry in entries if entry.ratio != 1.0)
        loose = {name for entry in self.entries for name in entry.foreign}
        self._loose = frozenset({"metric_name"} | loose | {f"{MOVED}{name}" for name in loose})
        self._whole: dict[str, float] = {}
        self._single: dict[str, dict[frozenset[tuple[str, str]], list[Adjustment]]] = {}
        for entry in self.entries:
            if entry.labels:
                firm = self._firm(entry.labels)
                of_query = self._single.setdefault(entry.query, defaultdict(list))
                of_query[firm].append(entry)
            else:
                known = self._whole.get(entry.query)
                ratios = (entry.ratio,) if known is None else (known, entry.ratio)
                self._whole[entry.query] = mildest(ratios)
        self._kept: dict[str, tuple[Keys, Floats]] = {}

    def count(self, query: str) -> int:
        """Return how many are about a query or its series."""
        return sum(entry.query == query for entry in self.entries)

    def thresholds(self, query: str, keys: Keys, threshold: float) -> Floats | None:
        """Return the threshold of each series, float64 [S, 1]; None if all keep their query's.

        That of a query is multiplied by both its own ratio and the series', within `LOWEST` and
        `HIGHEST` together; it never exceeds 1, nor falls below `FLOOR` unless it was there before.

        threshold : the query's, as configured
        """
        if query not in self._whole and query not in self._single:
            return None
        ratios = np.clip(self._ratios(query, keys), LOWEST, HIGHEST)
        moved = np.clip(threshold * ratios, min(threshold, FLOOR), 1.0)
        moved = np.where(ratios == 1.0, threshold, np.round(moved, _ROUNDING))
        result: Floats = moved[:, None]
        return result

    def _ratios(self, query: str, keys: Keys) -> Floats:
        known = self._kept.get(query)
        if known is not None and known[0] is keys:
            return known[1]
        ratios = np.full(len(keys), self._whole.get(query, 1.0))
        if single := self._single.get(query):
            for row, key in enumerate(keys):
                labels = named(key)
                name = labels.pop("__name__", "")
                own = published_labels(labels, {})
                told = [
                    entry.ratio
                    for entry in single.get(self._firm(own), ())
                    if entry.concerns(own, name)
                ]
                if told:
                    ratios[row] *= mildest(told)
        self._kept[query] = (keys, ratios)
        return ratios

    def _firm(self, labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
        """Return the labels that no scrape can have added."""
        return frozenset(pair for pair in labels.items() if pair[0] not in self._loose)


NO_ADJUSTMENTS: Final = Adjustments()


def adjustment_of(query: str, labels: Mapping[str, str], ratio: float) -> Adjustment:
    """Return an adjustment whose labels are a series' own, the ratio within bounds."""
    return Adjustment(query, dict(labels), min(max(ratio, LOWEST), HIGHEST))


def adjustments_in(batch: SeriesBatch) -> tuple[tuple[Adjustment, ...], int]:
    """Return what Prometheus knows of adjustments, and how many ratios were out of bounds.

    batch : one column, of the gauge, of `TARGET` and of `WEIGHT_GAUGE`
    """
    found: list[tuple[dict[str, str], float]] = []
    every = [named(key) for key in batch.keys]
    targets = targets_in(every)
    beyond = 0
    for row, labels in enumerate(every):
        value = float(batch.values[row, -1])
        is_ours = labels.get("__name__") not in _OTHERS and bool(labels.get("query"))
        if is_ours and np.isfinite(value):
            beyond += not LOWEST <= value <= HIGHEST
            found.append((labels, min(max(value, LOWEST), HIGHEST)))
    told: dict[tuple[str, frozenset[tuple[str, str]]], list[Adjustment]] = defaultdict(list)
    for labels, ratio in found:
        own, foreign = own_labels(labels, targets)
        entry = Adjustment(labels["query"], own, ratio, _SCRAPED | foreign)
        told[entry.query, frozenset(own.items())].append(entry)
    # Ratios of 1 count here: what was undone is told beside what an earlier life of the webhook,
    # at another address, has told of it within the day.
    agreed = (min(several, key=lambda one: _boldness(one.ratio)) for several in told.values())
    return tuple(agreed), beyond


def targets_in(answer: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return what the scrapes of the webhook add to its metrics, given an answer's labels."""
    return [
        {name: text for name, text in labels.items() if name not in _TARGETS_OWN}
        for labels in answer
        if labels.get("__name__") == TARGET
    ]


def own_labels(
    labels: Mapping[str, str], targets: Sequence[Mapping[str, str]]
) -> tuple[dict[str, str], frozenset[str]]:
    """Return labels as the webhook published them, and the names of those its scrape has added.

    targets : what the scrapes of the webhook add; none if that is not known
    """
    own = {name: value for name, value in labels.items() if name not in _NAMES}
    foreign = set()
    for name in sorted(_SCRAPED.union(*targets)):
        if name not in own:
            continue
        is_added = any(target.get(name) == own[name] for target in targets)
        moved = f"{MOVED}{name}"
        if moved in own and (is_added or not targets):
            # Of labels that were moved one above the other, the last one had this name.
            while f"{MOVED}{moved}" in own:
                moved = f"{MOVED}{moved}"
            own[name] = own.pop(moved)
        elif is_added:
            del own[name]
            foreign.add(name)
    return own, frozenset(foreign)


def mildest(ratios: Iterable[float]) -> float:
    """Return the one closest to 1."""
    return min(ratios, key=_boldness)


def _boldness(ratio: float) -> tuple[float, float]:
    return abs(float(np.log(ratio))), ratio
