"""What does Prometheus know about the moment of an alert? Three questions to our gauges."""

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from webhook.adapters.likeness import PART, closest_series, possible_series, without_name
from webhook.adapters.prometheus import Prometheus, Track
from webhook.core.facts import Breach, Course, Reading
from webhook.core.links import quoted, selector
from webhook.core.why import Signals

HOURS = 3 * 3600.0
POINTS = 180
# A course of fewer samples than this is looked at more closely, over so many seconds.
_FEW = 15
_YOUNG = 900.0

_READING = {
    "anomaly_value": "value",
    "anomaly_expected_value": "expected",
    "anomaly_lower_bound": "lower",
    "anomaly_upper_bound": "upper",
    "anomaly_score": "score",
    "anomaly_threshold": "threshold",
    "anomaly_deviation_sigmas": "sigmas",
}
_COURSE = {
    "anomaly_value": "values",
    "anomaly_lower_bound": "lower",
    "anomaly_upper_bound": "upper",
    "anomaly_expected_value": "expected",
    "anomaly_score": "scores",
    "anomaly_threshold": "thresholds",
}
_BREACH = {
    "anomaly_forecast_breach_timestamp_seconds": "at",
    "anomaly_forecast_breach_earliest_timestamp_seconds": "earliest",
    "anomaly_forecast_breach_latest_timestamp_seconds": "latest",
    "anomaly_forecast_breach_probability": "probability",
}
_CAPACITY = {
    "anomaly_capacity_exhaustion_timestamp_seconds": "at",
    "anomaly_capacity_exhaustion_earliest_timestamp_seconds": "earliest",
    "anomaly_capacity_exhaustion_latest_timestamp_seconds": "latest",
}
_CAPACITY_ALERT = "AnomalyCapacityRunningOut"
# Whose news a breach is; elsewhere it would draw attention from what is wrong now.
_FORECAST_ALERT = re.compile("breach|forecast|capacity|predict", re.IGNORECASE)
# A breach that is less likely than not is no news.
_LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about a series.

    Parameters
    ----------
    labels : of the series, without those that were added to the alert on its way
    reading : the sample that was judged
    signals : what else was so then
    watched : how many series the query has
    breach : when a limit is reached, where that is likely
    course : the last hours
    """

    labels: Mapping[str, str]
    reading: Reading
    signals: Signals = field(default_factory=Signals)
    watched: int | None = None
    breach: Breach | None = None
    course: Course | None = None


async def find_series(
    prometheus: Prometheus, labels: Mapping[str, str], at: float, seconds: float, *, is_over: bool
) -> Found | None:
    """Return the series of an alert and its reading; None if Prometheus has none.

    Parameters
    ----------
    labels : of the series as `webhook.core.links.series_labels` returns them; labels that were
        added to the alert afterwards, such as external ones, may be among them
    at : unix seconds
    is_over : whether the alert has ended; else the last anomalous sample is wanted, which rules
        hold on to for some minutes

    Raises
    ------
    PrometheusError
        Without an answer in so many `seconds`.
    """
    names = "|".join(_READING)
    gauges = possible_series(names, labels)
    expr = gauges
    if not is_over:
        score, threshold = (
            possible_series(f"anomaly_{name}", labels) for name in ("score", "threshold")
        )
        anomalous = f"({score} >= {threshold})"
        expr = f"last_over_time(({gauges} and {anomalous})[10m:15s]) or {gauges}"
    tracks = await prometheus.instant(expr, at, seconds)
    own = closest_series(tracks, labels)
    if own is None:
        return None
    values = {
        _READING[track.labels["__name__"]]: _finite(track.values[-1])
        for track in tracks
        if without_name(track) == own and track.labels["__name__"] in _READING
    }
    known = values.get
    reading = Reading(
        value=known("value"),
        expected=known("expected"),
        lower=known("lower"),
        upper=known("upper"),
        score=known("score"),
        threshold=known("threshold"),
        sigmas=known("sigmas"),
    )
    return Found(own, reading)


async def look_around(
    prometheus: Prometheus, found: Found, alertname: str, at: float, seconds: float
) -> Found:
    """Return what was found with signals, breach, unit and the number of series watched.

    Raises
    ------
    PrometheusError
        As `find_series`.
    """
    own, query = found.labels, f"query={quoted(found.labels['query'])}"
    breach = _CAPACITY if alertname == _CAPACITY_ALERT else _BREACH
    names = "|".join(("anomaly_pattern_shift", "anomaly_trend_change", *breach))
    value = selector("anomaly_value", own)
    parts = {
        "detector": selector("anomaly_detector_score", own),
        "highest": f"anomaly_detector_score_max{{{query}}}",
        "watched": f"sum by (query) (anomaly_exporter_series{{{query}}})",
        "unit": f"anomaly_exporter_query_info{{{query}}}",
        "yesterday": f"{value} offset 1d",
        "last_week": f"{value} offset 1w",
    }
    expr = selector(names, own) + "".join(
        f' or label_replace({part}, "{PART}", "{name}", "", "")' for name, part in parts.items()
    )
    tracks = await prometheus.instant(expr, at, seconds)
    by_part: dict[str, list[Track]] = {name: [] for name in ("", *parts)}
    for track in tracks:
        by_part.setdefault(track.labels.get(PART, ""), []).append(track)
    gauges = {
        track.labels.get("__name__", ""): track.values[-1]
        for track in by_part[""]
        if without_name(track) == own
    }
    signals = Signals(
        detectors=_scores(by_part["detector"], own),
        highest=_scores(by_part["highest"], None),
        is_new_pattern=gauges.get("anomaly_pattern_shift") == 1.0,
        trend_change=_finite(gauges.get("anomaly_trend_change", math.nan)),
        yesterday=_value_of(by_part["yesterday"], own),
        last_week=_value_of(by_part["last_week"], own),
    )
    watched = [track.values[-1] for track in by_part["watched"]]
    units = [track.labels.get("unit", "") for track in by_part["unit"]]
    return replace(
        found,
        reading=replace(found.reading, unit=units[0] if units else ""),
        signals=signals,
        watched=int(watched[0]) if watched and math.isfinite(watched[0]) else None,
        breach=_breach({key: gauges[name] for name, key in breach.items() if name in gauges})
        if _FORECAST_ALERT.search(alertname)
        else None,
    )


async def find_course(
    prometheus: Prometheus,
    labels: Mapping[str, str],
    until: float,
    seconds: float,
    past: float = HOURS,
) -> Course | None:
    """Return value, band and score of a series up to an instant; None where there is no sample.

    Of a series that has just begun its last minutes are shown: first alerts are looked at longest.

    Parameters
    ----------
    labels : exactly those of the series
    until : unix seconds
    past : seconds before that it shows

    Raises
    ------
    PrometheusError
        As `find_series`.
    """
    course = await _course(prometheus, labels, until, seconds, past)
    if course is None or past <= _YOUNG or _known(course) >= _FEW:
        return course
    closer = await _course(prometheus, labels, until, seconds, _YOUNG)
    return course if closer is None or _known(closer) <= _known(course) else closer


def _known(course: Course) -> int:
    return sum(map(math.isfinite, course.values))


async def _course(
    prometheus: Prometheus, labels: Mapping[str, str], until: float, seconds: float, past: float
) -> Course | None:
    # In whole milliseconds, as Prometheus is asked: with a step that was rounded up the last sample
    # would lie beyond the end, and what has just begun would be missing.
    step, end = math.floor(1e3 * past / POINTS), math.floor(1e3 * until)
    times = tuple((end - step * (POINTS - 1 - i)) / 1e3 for i in range(POINTS))
    expr = selector("|".join(_COURSE), labels)
    tracks = await prometheus.course(expr, times[0], times[-1], step / 1e3, seconds)
    lines: dict[str, list[float]] = {}
    for track in tracks:
        if without_name(track) != labels or track.labels["__name__"] not in _COURSE:
            continue
        line = lines[_COURSE[track.labels["__name__"]]] = [math.nan] * POINTS
        for at, value in zip(track.times, track.values, strict=True):
            place = round(1e3 * (at - times[0]) / step)
            if 0 <= place < POINTS:
                line[place] = value if math.isfinite(value) else math.nan
    if "values" not in lines:
        return None
    nothing = [math.nan] * POINTS
    return Course(times, *(tuple(lines.get(name, nothing)) for name in _COURSE.values()))


async def look_up(
    prometheus: Prometheus,
    labels: Mapping[str, str],
    alertname: str,
    at: float,
    seconds: float,
    *,
    is_over: bool,
) -> tuple[Found | None, Sequence[BaseException]]:
    """Return all of the above, with what went wrong with the two questions after the first.

    Raises
    ------
    PrometheusError
        If the series itself was not found out.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    found = await find_series(prometheus, labels, at, seconds, is_over=is_over)
    if found is None:
        return None, ()
    left = max(0.05, deadline - loop.time())
    around, course = await asyncio.gather(
        look_around(prometheus, found, alertname, at, left),
        find_course(prometheus, found.labels, at, left),
        return_exceptions=True,
    )
    problems = [each for each in (around, course) if isinstance(each, BaseException)]
    if isinstance(around, Found):
        found = around
    if isinstance(course, Course):
        found = replace(found, course=course)
    return found, problems


def _scores(tracks: Sequence[Track], own: Mapping[str, str] | None) -> dict[str, float]:
    scores: dict[str, float] = {}
    for track in tracks:
        labels = without_name(track)
        name = labels.pop("detector", "")
        if name and (own is None or labels == own) and math.isfinite(track.values[-1]):
            # Several exporters may watch a query.
            scores[name] = max(track.values[-1], scores.get(name, 0.0))
    return scores


def _value_of(tracks: Sequence[Track], own: Mapping[str, str]) -> float | None:
    values = [track.values[-1] for track in tracks if without_name(track) == own]
    return _finite(values[0]) if values else None


def _breach(numbers: Mapping[str, float]) -> Breach | None:
    at = numbers.get("at", math.inf)
    if not math.isfinite(at) or numbers.get("probability", 1.0) < _LIKELY:
        return None
    # The latest may be "not within the horizon", which is infinite and worth saying.
    known = {name: None if math.isnan(number) else number for name, number in numbers.items()}
    return Breach(at, known.get("earliest"), known.get("latest"), known.get("probability"))


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
