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
    muted : series that are not judged for a while, as people asked
    weights : detector -> weight in force
    combine, quorum : how the detectors' scores become one
    """

    query: str
    keys: Keys
    gauges: Mapping[str, Floats]
    missing: Keys = ()
    detector_scores: Mapping[str, Floats] = field(default_factory=dict)
    per_detector: bool = False
    muted: Keys = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    combine: str = "mean"
    quorum: float = 0.5


FORECAST_GAUGES: Mapping[str, str] = {
    "anomaly_forecast_value": "What the series is expected to be one horizon after its newest "
    "sample, in the unit of the series.",
    "anomaly_forecast_lower_bound": "Lower end of the band that holds the value then with the "
    "configured coverage, in the unit of the series.",
    "anomaly_forecast_upper_bound": "Upper end of that band, in the unit of the series.",
}
"""The gauges of every series and horizon of a query with a forecast, name to help text."""

OUTLOOK_GAUGES: Mapping[str, str] = {
    "anomaly_forecast_limit": "The limit in force, in the unit of the series.",
    "anomaly_forecast_breach_timestamp_seconds": "When the expected course crosses the limit, in "
    "unix seconds; +Inf: not within the horizon.",
    "anomaly_forecast_breach_earliest_timestamp_seconds": "When it crosses it at the earliest, "
    "with the configured coverage.",
    "anomaly_forecast_breach_latest_timestamp_seconds": "When it crosses it at the latest, "
    "with the configured coverage.",
    "anomaly_forecast_breach_probability": "How likely the limit is crossed within the horizon, "
    "0 to 1.",
    "anomaly_capacity_growth_per_second": "How fast the series grows, in its unit per second.",
    "anomaly_capacity_exhaustion_timestamp_seconds": "When the limit is reached at this rate, in "
    "unix seconds; +Inf: never.",
    "anomaly_capacity_exhaustion_earliest_timestamp_seconds": "When it is reached at the "
    "earliest, with the configured coverage.",
    "anomaly_capacity_exhaustion_latest_timestamp_seconds": "When it is reached at the latest, "
    "with the configured coverage.",
    "anomaly_forecast_error_ratio": "Mean absolute error of past forecasts over that of seasonal "
    "naive; below 1 is better than naive.",
    "anomaly_forecast_coverage_ratio": "Share of the samples that were inside the band which had "
    "been published for them.",
    "anomaly_forecast_bias_ratio": "Mean of value minus forecast over the mean absolute error of "
    "seasonal naive.",
    "anomaly_forecast_replaced": "1 while seasonal naive stands in for the forecaster, else 0.",
}
"""The gauges of every series of a query with a forecast, name to help text."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """The forecasts of one query; immutable, like `Published`.

    Parameters
    ----------
    query : its name
    keys : S series
    leads : horizon as published, such as 6h -> gauge name -> float64 [S]; NaN leaves a series out
    gauges : gauge name -> float64 [S], likewise
    """

    query: str
    keys: Keys
    leads: Mapping[str, Mapping[str, Floats]]
    gauges: Mapping[str, Floats]


TEST_GAUGES: Mapping[str, str] = {
    "anomaly_drift_statistic": "How far the distribution of the recent window is from that of the "
    "baseline, as the test measures it.",
    "anomaly_drift_p_value": "How probable so large a statistic were without drift, of each series "
    "by itself.",
}
"""The gauges of every series and test of a query with `drift`, name to help text."""

DRIFT_GAUGES: Mapping[str, str] = {
    "anomaly_drift_severity": "How much the distribution has changed, as most tests agree: 0 none, "
    "1 moderate, 2 high, 3 critical.",
}
"""The gauges of every series of a query with `drift`, name to help text."""


@dataclass(frozen=True, slots=True, eq=False)
class Drifts:
    """How far the series of one query have drifted; immutable, like `Published`.

    Parameters
    ----------
    query : its name
    keys : S series
    tests : test -> gauge name -> float64 [S]; NaN leaves a series out
    gauges : gauge name -> float64 [S], likewise
    labels : that every series has besides its own and `query`
    """

    query: str
    keys: Keys
    tests: Mapping[str, Mapping[str, Floats]]
    gauges: Mapping[str, Floats]
    labels: Mapping[str, str] = field(default_factory=dict)
