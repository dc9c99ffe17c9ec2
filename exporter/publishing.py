"""What does a query show after an evaluation, and how warm is it?"""

import numpy as np

from exporter.core.published import Published
from exporter.core.rows import select_keys
from exporter.core.series import Bools, Floats, Keys
from exporter.latest import gauge_names
from exporter.pipeline import QueryState, age_of
from exporter.plan import Plan


def publish(plan: Plan, state: QueryState) -> Published:
    """Return the gauges of a query as its last evaluation left them."""
    age = age_of(state)
    is_gone = age > plan.grace
    keys, latest = state.keys, state.latest
    missing: Keys = ()
    names = {detector.name: f"detector:{detector.name}" for detector in plan.detectors}
    if is_gone.any():
        there = np.flatnonzero(~is_gone)
        is_reported = is_gone & (age <= plan.grace + plan.missing_for)
        missing = select_keys(keys, np.flatnonzero(is_reported))
        keys = select_keys(keys, there)
        latest = {name: latest[name][there] for name in (*gauge_names(plan), *names.values())}
    return Published(
        query=plan.query,
        keys=keys,
        gauges={name: _floats(latest[name]) for name in gauge_names(plan)},
        missing=missing,
        detector_scores={kind: _floats(latest[name]) for kind, name in names.items()},
        per_detector=plan.per_detector,
        weights={name: round(weight, 9) for name, weight in zip(names, plan.weights, strict=True)},
        combine=plan.combination.kind,
        quorum=plan.combination.quorum,
    )


def silent(published: Published) -> Keys:
    """Return the series that are there and that no detector can judge yet."""
    return select_keys(published.keys, np.flatnonzero(_are_silent(published)))


def warming(published: Published) -> int:
    """Return how many of the series that are there no detector can judge yet."""
    return int(_are_silent(published).sum())


def _are_silent(published: Published) -> Bools:
    is_silent = np.ones(len(published.keys), dtype=np.bool_)
    for score in published.detector_scores.values():
        is_silent &= np.isnan(score)
    return is_silent


def size_of(state: QueryState) -> int:
    """Return how many bytes what was learned of a query's series takes, but for their names."""
    parts = (state.latest, *state.detectors.values(), *state.aside.detectors.values())
    return sum(array.nbytes for part in parts for array in part.values())


def warmth(plan: Plan, published: Published) -> float:
    """Return how much of the ensemble has seen enough, 0 to 1; 0 without series.

    The share of the detectors' weight that can tell, mean over the series that are there. A
    detector can tell that gives a score or one of its own gauges.
    """
    if not published.keys:
        return 0.0
    warm = 0.0
    for detector in plan.detectors:
        can_tell = ~np.isnan(published.detector_scores[detector.name])
        for signal in detector.signals:
            can_tell |= ~np.isnan(published.gauges[signal])
        warm += detector.weight * float(can_tell.mean())
    return warm / sum(detector.weight for detector in plan.detectors)


def _floats(array: object) -> Floats:
    return np.asarray(array, dtype=np.float64)
