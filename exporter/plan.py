"""What does the pipeline have to know of a query?"""

from dataclasses import dataclass
from datetime import tzinfo

from exporter.detectors.base import Detector
from exporter.ensemble import MEAN, Combination
from exporter.judge import Policy


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One query as the pipeline needs it.

    Parameters
    ----------
    query : its name
    detectors : the ensemble, each with its weight
    combination : how their scores become one
    policy : what counts as an anomaly
    grace : milliseconds for which the last judged sample stays current when no newer one comes
    missing_for : milliseconds for which a vanished series is reported as missing
    remember_for : milliseconds for which its state is kept, so that it comes back warm; never less
        than `missing_for`
    max_series : of which there is a state at most, besides those that are reported as missing;
        those that have been gone longest go first
    per_detector : publish every detector's score of every series
    zone : whose days and weeks count; None is UTC
    """

    query: str
    detectors: tuple[Detector, ...]
    policy: Policy
    grace: int
    missing_for: int
    remember_for: int = 0
    max_series: int | None = None
    per_detector: bool = False
    zone: tzinfo | None = None
    combination: Combination = MEAN
