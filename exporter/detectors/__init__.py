"""The table of detectors: adding one is one file, one line here and one test."""

from typing import Annotated, get_args

from pydantic import Field

from exporter.detectors.base import Detector
from exporter.detectors.mad import Mad
from exporter.detectors.zscore import ZScore

_Detectors = Mad | ZScore

ALL: tuple[type[Detector], ...] = get_args(_Detectors)
AnyDetector = Annotated[_Detectors, Field(discriminator="kind")]
