"""The table of drift tests: adding one is one file, one line here and one test."""

from typing import Annotated, get_args

from pydantic import Field

from exporter.drift.base import DriftTest
from exporter.drift.isolation_forest import IsolationForest
from exporter.drift.ks import Ks
from exporter.drift.psi import Psi
from exporter.drift.wasserstein import Wasserstein

_Tests = IsolationForest | Ks | Psi | Wasserstein

ALL: tuple[type[DriftTest], ...] = get_args(_Tests)
AnyDriftTest = Annotated[_Tests, Field(discriminator="kind")]
