"""What does a query show after an evaluation, and how warm is it?"""

import numpy as np

from exporter.core.published import Published
from exporter.core.rows import select_keys
from exporter.core.series import Floats, Keys
from exporter.pipeline import Plan, QueryState, age_of, gauge_names, keep


def publish(plan: Plan, state: QueryState) -> Published:
    """Return the gauges of a query as its last evaluation left them."""
    is_gone = age_of(state) > plan.grace
    missing: Keys = ()
    if is_gone.any():
        missing = select_keys(state.keys, np.flatnonzero(is_gone))
        state = keep(state, np.flatnonzero(~is_gone))
    return Published(
        query=plan.query,
        keys=state.keys,
        gauges={name: _floats(state.latest[name]) for name in gauge_names(plan)},
        missing=missing,
        detector_scores={
            detector.name: _floats(state.latest[f"detector:{detector.name}"])
            for detector in plan.detectors
        },
        per_detector=plan.per_detector,
    )


def warming(published: Published) -> int:
    """Return how many of the series that are there have no expected value yet."""
    return int(np.isnan(published.gauges["anomaly_expected_value"]).sum())


def _floats(array: object) -> Floats:
    return np.asarray(array, dtype=np.float64)
