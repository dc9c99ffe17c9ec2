"""By what have people's verdicts moved the weights of a query's detectors?

A detector that cried wolf has less to say in its query's ensemble, one that was right has more. The
ratios come as a gauge of the webhook, like those on thresholds, and have the same bounds.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from exporter.core.adjustments import HIGHEST, LOWEST, WEIGHT_GAUGE, mildest
from exporter.core.labelnames import named
from exporter.core.series import SeriesBatch

_NO_RATIOS: Final[Mapping[str, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class Weight:
    """A factor on the weight of a detector.

    Parameters
    ----------
    query, detector : whose
    ratio : from `LOWEST` to `HIGHEST`
    """

    query: str
    detector: str
    ratio: float


class Weights:
    """All factors on weights in force; any thread may ask.

    Parameters
    ----------
    entries : in any order; where several are about the same, as replicas of the webhook say it,
        the one closest to 1 counts

    Attributes
    ----------
    entries : one per detector whose weight is moved, in order
    """

    def __init__(self, entries: Iterable[Weight] = ()) -> None:
        told: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for entry in entries:
            told[entry.query, entry.detector].append(entry.ratio)
        agreed = (Weight(*whose, mildest(ratios)) for whose, ratios in told.items())
        self.entries = tuple(sorted(entry for entry in agreed if entry.ratio != 1.0))
        self._ratios: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for entry in self.entries:
            self._ratios[entry.query][entry.detector] = entry.ratio

    def ratios(self, query: str) -> Mapping[str, float]:
        """Return detector -> factor on its weight, of those whose weight is moved."""
        return self._ratios.get(query, _NO_RATIOS)


NO_WEIGHTS: Final = Weights()


def weight_of(query: str, detector: str, ratio: float) -> Weight:
    """Return a factor within bounds."""
    return Weight(query, detector, min(max(ratio, LOWEST), HIGHEST))


def weights_in(batch: SeriesBatch) -> tuple[tuple[Weight, ...], int]:
    """Return what Prometheus knows of weights, and how many ratios were out of bounds.

    batch : one column, of the gauge and of others
    """
    found = []
    beyond = 0
    for row, key in enumerate(batch.keys):
        labels = named(key)
        query, detector = labels.get("query"), labels.get("detector")
        ratio = float(batch.values[row, -1])
        if labels.get("__name__") == WEIGHT_GAUGE and query and detector and np.isfinite(ratio):
            beyond += not LOWEST <= ratio <= HIGHEST
            found.append(weight_of(query, detector, ratio))
    return tuple(found), beyond
