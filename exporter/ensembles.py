"""Which detectors does a named ensemble consist of? The one table of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from exporter.detectors import AnyDetector
from exporter.detectors.mad import Mad
from exporter.detectors.zscore import ZScore
from exporter.ensemble import Combine

EnsembleName = Literal["default"]


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Detectors with their weights and settings, and how they are combined.

    Parameters
    ----------
    detectors : as a query lists them
    combine : what holds for queries that do not say otherwise
    """

    detectors: tuple[AnyDetector, ...]
    combine: Combine = "mean"


ENSEMBLES: Mapping[EnsembleName, Ensemble] = {
    "default": Ensemble(detectors=(ZScore(), Mad(weight=2.0))),
}
