"""What does a drift check have to know of a query?"""

from dataclasses import dataclass
from datetime import tzinfo

from exporter.drift.base import DriftTest


@dataclass(frozen=True, kw_only=True)
class DriftPlan:
    """How one query's series are compared with their baseline.

    Parameters
    ----------
    query : its name
    tests : what compares them
    step : milliseconds between columns
    reference : columns that a baseline is taken from
    window : columns that are compared with it
    by : labels by which series form groups
    retake : milliseconds after which a baseline is taken anew, or None
    grace : milliseconds for which a series may pause
    zone : whose hours of the week count; None is UTC
    """

    query: str
    tests: tuple[DriftTest, ...]
    step: int
    reference: int
    window: int
    by: tuple[str, ...] = ()
    retake: int | None = None
    grace: int = 0
    zone: tzinfo | None = None
