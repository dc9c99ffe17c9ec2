"""The table of detectors: adding one is one file, one line here and one test."""

from typing import Annotated, get_args

from pydantic import Field

from exporter.detectors.base import Detector
from exporter.detectors.cusum import Cusum
from exporter.detectors.drop_to_zero import DropToZero
from exporter.detectors.ewma import Ewma
from exporter.detectors.flat_line import FlatLine
from exporter.detectors.forecast_error import ForecastError
from exporter.detectors.isolation_forest import IsolationForest
from exporter.detectors.lof import Lof
from exporter.detectors.lstm_autoencoder import LstmAutoencoder
from exporter.detectors.mad import Mad
from exporter.detectors.novelty import Novelty
from exporter.detectors.one_class_svm import OneClassSvm
from exporter.detectors.pattern_shift import PatternShift
from exporter.detectors.seasonal_esd import SeasonalEsd
from exporter.detectors.subsequence import Subsequence
from exporter.detectors.trend_change import TrendChange
from exporter.detectors.zscore import ZScore

_Detectors = (
    Cusum
    | DropToZero
    | Ewma
    | FlatLine
    | ForecastError
    | IsolationForest
    | Lof
    | LstmAutoencoder
    | Mad
    | Novelty
    | OneClassSvm
    | PatternShift
    | SeasonalEsd
    | Subsequence
    | TrendChange
    | ZScore
)

ALL: tuple[type[Detector], ...] = get_args(_Detectors)
AnyDetector = Annotated[_Detectors, Field(discriminator="kind")]
