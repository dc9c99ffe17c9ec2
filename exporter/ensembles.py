"""Which detectors does a named ensemble consist of? The one table of them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from exporter.detectors import AnyDetector
from exporter.detectors.forecast_error import ForecastError
from exporter.detectors.isolation_forest import IsolationForest
from exporter.detectors.lstm_autoencoder import LstmAutoencoder
from exporter.detectors.mad import Mad
from exporter.detectors.novelty import Novelty
from exporter.detectors.seasonal_esd import SeasonalEsd
from exporter.detectors.zscore import ZScore
from exporter.ensemble import MEAN, Combination

EnsembleName = Literal["default", "sensitive", "classic"]


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Detectors with their weights and settings, and how they are combined.

    Parameters
    ----------
    detectors : as a query lists them
    combination : what holds for queries that do not say otherwise
    """

    detectors: tuple[AnyDetector, ...]
    combination: Combination = MEAN


@lru_cache  # made at first use, since a detector may have a model to read
def named_ensemble(name: EnsembleName) -> Ensemble:
    """Return a ready ensemble."""
    match name:
        case "default":
            return Ensemble(
                detectors=(ForecastError(), Novelty()), combination=Combination(kind="max")
            )
        case "sensitive":  # for those to whom what happened before is an incident again
            return Ensemble(
                detectors=(ForecastError(), Novelty(), Mad()),
                combination=Combination(kind="max"),
            )
        case "classic":
            return Ensemble(
                detectors=(
                    IsolationForest(weight=0.3),
                    LstmAutoencoder(weight=0.3),
                    ZScore(weight=0.2),
                    SeasonalEsd(weight=0.2),
                )
            )
