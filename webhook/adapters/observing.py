"""What does Prometheus know of many incidents? A few requests, each for those of one time.

When a series became anomalous, and what it is called, stays as it was found first; later looks ask
only for what came of it.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webhook.adapters.likeness import (
    PART,
    closest_series,
    own_labels,
    possible_series,
    without_name,
)
from webhook.adapters.peaks import Peaks, Span, highest
from webhook.adapters.prometheus import Prometheus, Track
from webhook.core.links import selector, series_labels
from webhook.core.observation import (
    BEFORE_SECONDS,
    MOST_POINTS,
    OPEN_SECONDS,
    SHORTEST_STEP,
    TAIL_SECONDS,
    Observation,
    ObservedCourse,
    is_outside,
    onset_of,
)

Labels = Mapping[str, str]

# What has been anomalous for longer counts as having begun then.
_LONGEST_ONSET = 3_600.0
_ONSET = ("value", "lower_bound", "upper_bound", "score", "threshold")
_COURSE = {
    "anomaly_value": "values",
    "anomaly_expected_value": "expected",
    "anomaly_lower_bound": "lower",
    "anomaly_upper_bound": "upper",
    "anomaly_score": "scores",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """An incident to be looked at.

    Parameters
    ----------
    labels : of its alert
    alerted_at : when it began to fire or we heard of it, whichever was earlier; unix seconds
    ends_at : None while it is open
    known : what an earlier look found
    wants_course : whether its samples are to be kept
    """

    id: int
    labels: Labels
    alerted_at: float
    ends_at: float | None
    known: Observation | None = None
    wants_course: bool = True


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is known of a series from the first look: its own labels and two numbers."""

    series: Labels | None = None
    began_at: float | None = None
    threshold: float | None = None


@dataclass(slots=True)
class _Window:
    """The time of a course, with the step that it has, and whose it is."""

    step: float
    start: float
    end: float
    subjects: list[tuple[Subject, Labels, float, float]] = field(default_factory=list)


async def observe(
    prometheus: Prometheus, subjects: Sequence[Subject], now: float, seconds: float
) -> list[Observation]:
    """Return what is known of incidents that began within some minutes, a few at a time.

    Parameters
    ----------
    now : unix seconds

    Raises
    ------
    PrometheusError
        Without a complete answer in so many `seconds` for each request.
    """
    new = [each for each in subjects if each.known is None or each.known.series is None]
    begun = {
        each.id: _Begun(each.known.series, each.known.began_at, each.known.threshold)
        for each in subjects
        if each.known is not None and each.known.series is not None
    }
    if new:
        begun |= await _beginnings(prometheus, new, seconds)
    spans = {
        str(each.id): _span(each, begun[each.id], now)
        for each in subjects
        if begun[each.id].series is not None
    }
    peaks = await highest(prometheus, spans, now, seconds)
    courses = await _courses(
        prometheus, [each for each in subjects if each.wants_course], begun, now, seconds
    )
    seen: list[Observation] = []
    for each in subjects:
        known, earlier = begun[each.id], each.known or Observation(each.id, now)
        # Prometheus may have forgotten by now what an earlier look saw.
        peak = peaks.get(str(each.id), Peaks(earlier.peak_score, detectors=earlier.detectors))
        seen.append(
            Observation(
                incident=each.id,
                observed_at=now,
                began_at=known.began_at,
                peak_score=peak.score,
                threshold=known.threshold,
                detectors=peak.detectors,
                series=known.series,
                course=courses.get(each.id, earlier.course),
            )
        )
    return seen


async def _beginnings(
    prometheus: Prometheus, subjects: Sequence[Subject], seconds: float
) -> dict[int, _Begun]:
    """Return which series each is about, and when that became anomalous."""
    alerted = [each.alerted_at for each in subjects]
    start, end = _on_grid(min(alerted) - _LONGEST_ONSET), _on_grid(max(alerted)) + SHORTEST_STEP
    names = f"anomaly_({'|'.join(_ONSET)})"
    expr = " or ".join(
        _marked(possible_series(names, series_labels(each.labels)), each.id) for each in subjects
    )
    parts = _by_part(await prometheus.course(expr, start, end, SHORTEST_STEP, seconds))
    return {each.id: _begun(parts[str(each.id)], each) for each in subjects}


def _begun(tracks: Sequence[Track], subject: Subject) -> _Begun:
    labels = closest_series(tracks, series_labels(subject.labels))
    if labels is None:
        return _Begun()
    by_time: defaultdict[float, dict[str, float]] = defaultdict(dict)
    for track in tracks:
        if without_name(track) == labels:
            name = track.labels["__name__"].removeprefix("anomaly_")
            for at, value in zip(track.times, track.values, strict=True):
                by_time[at][name] = value
    times = sorted(by_time)
    outside = [at for at in times if is_outside(*(by_time[at].get(n, math.nan) for n in _ONSET))]
    thresholds = [
        by_time[at]["threshold"]
        for at in times
        if at <= subject.alerted_at and "threshold" in by_time[at]
    ]
    return _Begun(
        own_labels(labels),
        onset_of(outside, subject.alerted_at),
        _finite(thresholds[-1]) if thresholds else None,
    )


def _span(subject: Subject, begun: _Begun, now: float) -> Span:
    start = subject.alerted_at if begun.began_at is None else begun.began_at
    return Span(
        query=subject.labels["query"],
        labels=begun.series or {},
        # The sample that was seen first is as old as a scrape may be.
        start=start - SHORTEST_STEP,
        end=_end(subject, now),
        is_exact=True,
    )


def _end(subject: Subject, now: float) -> float:
    """Return until when an incident is looked at, however long it lasts."""
    over = now if subject.ends_at is None else subject.ends_at
    return min(now, over, subject.alerted_at + OPEN_SECONDS)


async def _courses(
    prometheus: Prometheus,
    subjects: Sequence[Subject],
    begun: Mapping[int, _Begun],
    now: float,
    seconds: float,
) -> dict[int, ObservedCourse]:
    """Return the samples of each; those of one step share a request."""
    windows: dict[float, _Window] = {}
    for each in subjects:
        series, began_at = begun[each.id].series, begun[each.id].began_at
        if series is None:
            continue
        start = _on_grid((each.alerted_at if began_at is None else began_at) - BEFORE_SECONDS)
        end = min(now, _end(each, now) + TAIL_SECONDS)
        step = _step(end - start)
        window = windows.setdefault(step, _Window(step, start, end))
        window.start, window.end = min(window.start, start), max(window.end, end)
        window.subjects.append((each, series, start, end))
    found: dict[int, ObservedCourse] = {}
    for window in windows.values():
        expr = " or ".join(
            _marked(selector("|".join(_COURSE), {"query": each.labels["query"], **series}), each.id)
            for each, series, _, _ in window.subjects
        )
        parts = _by_part(
            await prometheus.course(expr, window.start, window.end, window.step, seconds)
        )
        for each, series, start, end in window.subjects:
            first = math.ceil((start - window.start) / window.step)
            columns = range(first, math.floor((end - window.start) / window.step) + 1)
            course = _course(parts[str(each.id)], series, window, columns)
            if course is not None:
                found[each.id] = course
    return found


def _course(
    tracks: Sequence[Track], series: Labels, window: _Window, columns: range
) -> ObservedCourse | None:
    lines = {name: [math.nan] * len(columns) for name in _COURSE.values()}
    is_known = False
    for track in tracks:
        if own_labels(without_name(track)) != series:
            continue
        line = lines[_COURSE[track.labels["__name__"]]]
        for at, value in zip(track.times, track.values, strict=True):
            column = round((at - window.start) / window.step)
            if column in columns and math.isfinite(value):
                line[column - columns.start] = value
                is_known = True
    if not is_known:
        return None
    start = window.start + columns.start * window.step
    return ObservedCourse(start, window.step, **lines)


def _step(seconds: float) -> float:
    """Return one of few steps, so that incidents of about one length share requests."""
    step = SHORTEST_STEP
    while seconds / step > MOST_POINTS - 1:
        step *= 2
    return step


def _by_part(tracks: Sequence[Track]) -> defaultdict[str, list[Track]]:
    parts: defaultdict[str, list[Track]] = defaultdict(list)
    for track in tracks:
        parts[track.labels.get(PART, "")].append(track)
    return parts


def _marked(expr: str, part: int) -> str:
    return f'label_replace({expr}, "{PART}", "{part}", "", "")'


def _on_grid(at: float) -> float:
    return math.floor(at / SHORTEST_STEP) * SHORTEST_STEP


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
