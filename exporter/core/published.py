"""What does one query publish after an evaluation?"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.core.series import Floats, Keys

GAUGES: Mapping[str, str] = {
    "anomaly_score": "Confidence in [0, 1] that the latest sample is anomalous; 0 while warming up "
    "or when the query's policy calls the deviation harmless.",
    "anomaly_threshold": "Score from which the sample counts as an anomaly.",
    "anomaly_value": "The sample that was judged, in the unit of the series.",
    "anomaly_expected_value": "What the detectors expected, in the unit of the series.",
    "anomaly_lower_bound": "Lower end of the band that counts as normal, in the unit of the "
    "series.",
    "anomaly_upper_bound": "Upper end of the band that counts as normal, in the unit of the "
    "series.",
    "anomaly_level": "How unusual the latest sample is, 0 to 1, without the caution that the score "
    "needs because it wakes people: for dashboards and ranking, not for alerts.",
    "anomaly_onset": "How much of something new begins with the latest sample, 0 to 1; high once "
    "for an incident.",
    "anomaly_deviation_sigmas": "Signed distance from the expected value in robust standard "
    "deviations.",
}
"""The gauges of every series, name to help text."""

SIGNALS: Mapping[str, str] = {
    "anomaly_pattern_shift": "1 while the series behaves in a way it has not behaved before, 0 "
    "while it keeps to a known pattern.",
    "anomaly_trend_slope_per_second": "Slope of the current trend, in the unit of the series per "
    "second.",
    "anomaly_trend_change": "Direction and size of the last change of trend, -1 to 1.",
    "anomaly_seasonality_strength": "How much of the variation is seasonal, 0 to 1.",
}
"""Gauges that only queries with the right detector have, name to help text."""


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """The gauges of one query; immutable, so that a scrape never sees half an evaluation.

    Parameters
    ----------
    query : its name
    keys : S series that are there now
    gauges : gauge name -> float64 [S]; NaN leaves that series out
    missing : series that were there and are gone
    detector_scores : detector kind -> float64 [S], NaN "cannot tell"
    per_detector : publish each series' detector scores, not only the highest
    """

    query: str
    keys: Keys
    gauges: Mapping[str, Floats]
    missing: Keys = ()
    detector_scores: Mapping[str, Floats] = field(default_factory=dict)
    per_detector: bool = False
