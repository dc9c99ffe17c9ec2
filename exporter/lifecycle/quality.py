"""How good is a model on data that it had not seen? Measures that two models can be compared by."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.series import NEVER, Bools, Floats, Ints, Keys, SeriesBatch
from exporter.episodes import QUIET
from exporter.judge import Reason
from exporter.pipeline import Evaluation

DAY: Final = 86_400_000
MAD_TO_SIGMA: Final = 1.4826  # 1 / Phi^-1(3/4)

MOST: Final = 100.0
"""Errors and widths are cut at so many deviations: one series must not outvote all others."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What a model did on a held-back tail; None where nothing can be said.

    Parameters
    ----------
    samples : that there were
    series_days : for how long series were judged, summed over them
    judged_ratio : share of the samples that could be judged
    alarms_per_series_day : anomalies, as episodes, that belong to no known incident
    anomalous_ratio : share of the judged samples that were anomalous, likewise
    band_error_ratio : mean distance from the expected value, in deviations of the series
    band_width_ratio : mean half width of the band, likewise
    band_coverage_ratio : share of the samples inside the band
    incidents, incidents_caught : confirmed or missed ones that it could have seen; saw
    false_alarms, false_alarms_repeated : called false by people; raised by it, too
    """

    samples: int
    series_days: float
    judged_ratio: float | None
    alarms_per_series_day: float | None
    anomalous_ratio: float | None
    band_error_ratio: float | None = None
    band_width_ratio: float | None = None
    band_coverage_ratio: float | None = None
    incidents: int = 0
    incidents_caught: int = 0
    false_alarms: int = 0
    false_alarms_repeated: int = 0


class Scales:
    """How much does each series vary? Known before the tail, and the same for both models.

    Parameters
    ----------
    batch : the last that came before the tail
    """

    def __init__(self, batch: SeriesBatch) -> None:
        values = np.where(np.isfinite(batch.values), batch.values, np.nan)
        is_there = ~np.isnan(values).all(1)
        scale = np.full(len(batch.keys), np.nan)
        center = np.nanmedian(values[is_there], 1, keepdims=True)
        scale[is_there] = MAD_TO_SIGMA * np.nanmedian(np.abs(values[is_there] - center), 1)
        self._row = {key: row for row, key in enumerate(batch.keys)}
        # One more, at the place -1, for series that are not known.
        self._scale = np.append(np.where(scale > 0.0, scale, np.nan), np.nan)

    def of(self, keys: Keys) -> Floats:
        """Return the robust standard deviation of each, float64 [S]; NaN for none."""
        rows = np.array([self._row.get(key, -1) for key in keys], dtype=np.int64)
        scale: Floats = self._scale[rows]
        return scale


class Tally:
    """Counts what a model says of the tail, piece by piece.

    Parameters
    ----------
    scales : by which its errors are measured
    """

    def __init__(self, scales: Scales) -> None:
        self._scales = scales
        self._samples = self._judged = self._anomalous = self._alarms = 0
        self._milliseconds = 0
        self._banded = self._inside = self._scaled = 0
        self._error = self._width = 0.0
        self._last: dict[bytes, int] = {}

    def add(self, evaluation: Evaluation, excused: Bools | None = None) -> None:
        """Count one piece; each begins where the one before ended.

        excused : bool [S, T], where an anomaly is no false alarm; None for nowhere
        """
        batch, verdict = evaluation.batch, evaluation.verdict
        is_there = ~np.isnan(batch.values)
        is_judged = is_there & (verdict.reason != Reason.WARMING_UP)
        self._samples += int(is_there.sum())
        judged = int(is_judged.sum())
        self._judged += judged
        self._milliseconds += judged * batch.step
        is_anomaly = verdict.is_anomaly if excused is None else verdict.is_anomaly & ~excused
        self._anomalous += int(is_anomaly.sum())
        self._alarms += self._episodes(batch, is_anomaly)
        self._measure(evaluation, is_there)

    def quality(self) -> Quality:
        """Return what was counted."""
        days = self._milliseconds / DAY
        return Quality(
            samples=self._samples,
            series_days=days,
            judged_ratio=_ratio(self._judged, self._samples),
            alarms_per_series_day=_ratio(self._alarms, days),
            anomalous_ratio=_ratio(self._anomalous, self._judged),
            band_error_ratio=_ratio(self._error, self._scaled),
            band_width_ratio=_ratio(self._width, self._scaled),
            band_coverage_ratio=_ratio(self._inside, self._banded),
        )

    def _episodes(self, batch: SeriesBatch, is_anomaly: Bools) -> int:
        """Return how many anomalies begin, in the sense of `exporter.episodes`."""
        quiet = max(QUIET, 2 * batch.step)
        rows, columns = np.nonzero(is_anomaly)
        times: Ints = batch.times[columns]
        begun = 0
        for row, start, count in zip(*np.unique(rows, True, False, True), strict=True):
            key, own = batch.keys[row], times[start : start + count]
            begun += int(own[0] - self._last.get(key, NEVER) > quiet)
            begun += int((np.diff(own) > quiet).sum())
            self._last[key] = int(own[-1])
        return begun

    def _measure(self, evaluation: Evaluation, is_there: Bools) -> None:
        values, scores = evaluation.batch.values, evaluation.verdict.scores
        has_band = is_there & np.isfinite(values) & np.isfinite(scores.upper - scores.lower)
        has_band &= np.isfinite(scores.expected)
        if not has_band.any():
            return
        scale = np.broadcast_to(self._scales.of(evaluation.batch.keys)[:, None], values.shape)
        is_scaled = has_band & ~np.isnan(scale)
        is_inside = (values[has_band] >= scores.lower[has_band]) & (
            values[has_band] <= scores.upper[has_band]
        )
        self._banded += int(has_band.sum())
        self._inside += int(is_inside.sum())
        self._scaled += int(is_scaled.sum())
        error = np.abs(values - scores.expected)[is_scaled] / scale[is_scaled]
        width = 0.5 * (scores.upper - scores.lower)[is_scaled] / scale[is_scaled]
        self._error += float(np.minimum(error, MOST).sum())
        self._width += float(np.minimum(width, MOST).sum())


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
