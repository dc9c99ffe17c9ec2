"""What does the pipeline have to know of a query?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    ratios : detector -> what people's verdicts multiply its weight by, of those they have moved
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
    ratios: Mapping[str, float] = field(default_factory=dict)

    @property
    def weights(self) -> list[float]:
        """The detectors' weights in force: as configured, times what verdicts say."""
        return [one.weight * self.ratios.get(one.name, 1.0) for one in self.detectors]
