"""What is known of each series as of its newest sample? One number per gauge."""

from collections.abc import Mapping

import numpy as np

from exporter.core.published import GAUGES
from exporter.core.rows import State
from exporter.core.scores import Scores
from exporter.core.series import NEVER, Floats, SeriesBatch
from exporter.episodes import no_episodes, remember
from exporter.judge import Verdict
from exporter.plan import Plan


def gauges(batch: SeriesBatch, verdict: Verdict) -> dict[str, Floats]:
    """Return every gauge of every sample, gauge name -> float64 [S, T], not to be written to."""
    scores = verdict.scores
    return {
        "anomaly_score": scores.score,
        "anomaly_threshold": np.broadcast_to(verdict.thresholds, batch.values.shape),
        "anomaly_value": batch.values,
        "anomaly_expected_value": scores.expected,
        "anomaly_lower_bound": scores.lower,
        "anomaly_upper_bound": scores.upper,
        "anomaly_deviation_sigmas": scores.sigmas,
        "anomaly_level": scores.level,
        "anomaly_onset": scores.beginning,
        **scores.signals,
    }


def gauge_names(plan: Plan) -> tuple[str, ...]:
    """Return the gauges of every series of a query."""
    return (*GAUGES, *(name for detector in plan.detectors for name in detector.signals))


def unseen(plan: Plan, series: int) -> State:
    """Return what is known of series that nothing is known of."""
    votes = (f"detector:{detector.name}" for detector in plan.detectors)
    names = [*gauge_names(plan), *votes]
    blank: State = {name: np.full(series, np.nan) for name in names}
    blank["seen"] = np.full(series, NEVER, dtype=np.int64)
    blank["heard"] = blank["seen"].copy()
    return {**blank, **no_episodes(series)}


def latest_of(
    before: State,
    batch: SeriesBatch,
    verdict: Verdict,
    votes: Mapping[str, Scores],
) -> State:
    """Return what is known of each series as of its newest sample, old or new."""
    is_there = ~np.isnan(batch.values)
    newest = is_there.shape[1] - 1 - np.argmax(is_there[:, ::-1], 1)
    has_sample = is_there.any(1)
    rows = np.arange(len(batch.keys))
    found = {
        **gauges(batch, verdict),
        **{f"detector:{kind}": vote.score for kind, vote in votes.items()},
    }
    latest: State = {
        name: np.where(has_sample, values[rows, newest], before[name])
        for name, values in found.items()
    }
    latest["seen"] = np.where(has_sample, batch.times[newest], before["seen"])
    episodes = remember(
        before,
        batch,
        verdict.is_anomaly,
        sigmas=verdict.scores.sigmas,
        votes=[vote.score for vote in votes.values()],
        thresholds=verdict.thresholds,
    )
    return {**latest, **episodes}
