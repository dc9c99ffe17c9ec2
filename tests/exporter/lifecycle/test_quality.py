"""Measures of a tail, against hand-computed numbers."""

from dataclasses import replace

import numpy as np
import pytest

from exporter.core.scores import Scores
from exporter.core.series import Bools, Floats, SeriesBatch
from exporter.judge import Reason, Verdict
from exporter.lifecycle.quality import Quality, Scales, Tally
from exporter.pipeline import Evaluation

STEP = 60_000
NAN = np.nan


def evaluation(
    values: Floats,
    *,
    first: int = 0,
    expected: Floats | float = 0.0,
    half: Floats | float = 1.0,
    is_anomaly: Bools | None = None,
    warming: Bools | None = None,
    keys: tuple[bytes, ...] = (b"a", b"b"),
) -> Evaluation:
    times = (first + np.arange(values.shape[1], dtype=np.int64)) * STEP
    reason = np.where(np.isnan(values), Reason.NO_SAMPLE, Reason.NORMAL).astype(np.int8)
    if warming is not None:
        reason[warming] = Reason.WARMING_UP
    if is_anomaly is None:
        is_anomaly = np.zeros(values.shape, dtype=np.bool_)
    center = np.broadcast_to(np.asarray(expected, dtype=np.float64), values.shape)
    width = np.broadcast_to(np.asarray(half, dtype=np.float64), values.shape)
    blank = np.zeros(values.shape)
    scores = Scores(blank, center, center - width, center + width, blank, blank)
    return Evaluation(
        batch=SeriesBatch(keys, times, values, STEP),
        verdict=Verdict(scores, is_anomaly, reason, np.full((1, 1), 0.6)),
        votes={},
    )


def scales(*deviations: float) -> Scales:
    """Scales of series whose median distance from the median is that."""
    values = np.array([[-one, 0.0, one] for one in deviations])
    return Scales(SeriesBatch((b"a", b"b")[: len(values)], np.arange(3) * STEP, values, STEP))


def judged(*pieces: Evaluation, by: Scales | None = None) -> Quality:
    tally = Tally(by or scales(1.0, 2.0))
    for piece in pieces:
        tally.add(piece)
    return tally.quality()


def test_errors_and_widths_are_in_deviations_of_each_series() -> None:
    values = np.array([[0.5, -3.0], [4.0, NAN]])
    quality = judged(evaluation(values, half=np.array([[2.0], [4.0]])))
    one, two = 1.4826, 2 * 1.4826
    assert quality.band_error_ratio == pytest.approx((0.5 / one + 3.0 / one + 4.0 / two) / 3)
    assert quality.band_width_ratio == pytest.approx((2.0 / one + 2.0 / one + 4.0 / two) / 3)
    assert quality.band_coverage_ratio == pytest.approx(2 / 3)
    assert (quality.samples, quality.judged_ratio) == (3, 1.0)
    assert quality.series_days == pytest.approx(3 * 60 / 86_400)


def test_one_wild_series_counts_for_a_hundred_deviations_at_most() -> None:
    values = np.array([[1e12], [0.0]])
    assert judged(evaluation(values)).band_error_ratio == pytest.approx(50.0)


def test_series_that_never_moved_and_unknown_ones_have_no_error() -> None:
    values = np.ones((2, 3))
    quality = judged(evaluation(values), by=scales(0.0, 1.0))
    assert quality.band_error_ratio == pytest.approx(1 / 1.4826)
    quality = judged(evaluation(values), by=scales(0.0, 0.0))
    assert quality.band_error_ratio is None
    assert quality.band_coverage_ratio == 1.0
    stranger = evaluation(values, keys=(b"x", b"y"))
    assert judged(stranger).band_error_ratio is None


def test_what_cannot_be_told_is_none() -> None:
    nothing = judged()
    assert (nothing.samples, nothing.judged_ratio, nothing.alarms_per_series_day) == (0, None, None)
    unbanded = judged(evaluation(np.array([[1.0], [np.inf]]), half=np.array([[NAN], [1.0]])))
    assert (unbanded.band_error_ratio, unbanded.band_coverage_ratio) == (None, None)
    warming = judged(evaluation(np.ones((2, 2)), warming=np.array([[True, True], [True, False]])))
    assert warming.judged_ratio == 0.25
    assert warming.anomalous_ratio == 0.0


def flags(*columns: tuple[int, int]) -> Bools:
    found = np.zeros((2, 20), dtype=np.bool_)
    for row, column in columns:
        found[row, column] = True
    return found


def test_an_episode_ends_after_five_quiet_minutes_wherever_a_piece_ends() -> None:
    found = flags((0, 1), (0, 2), (0, 7), (0, 13), (1, 18))
    whole = evaluation(np.ones((2, 20)), is_anomaly=found)
    expected = judged(whole)
    days = 40 * 60 / 86_400
    assert expected.alarms_per_series_day == pytest.approx(3 / days)  # 13 is six minutes after 7
    assert expected.anomalous_ratio == pytest.approx(5 / 40)
    for cut in (2, 5, 8, 13):
        parts = [
            evaluation(np.ones((2, cut)), is_anomaly=found[:, :cut]),
            evaluation(np.ones((2, 20 - cut)), first=cut, is_anomaly=found[:, cut:]),
        ]
        quality = judged(*parts)
        assert quality.alarms_per_series_day == expected.alarms_per_series_day
        assert quality.anomalous_ratio == expected.anomalous_ratio


def test_what_is_excused_is_no_alarm() -> None:
    found = flags((0, 1), (1, 18))
    tally = Tally(scales(1.0))
    excused = np.zeros((2, 20), dtype=np.bool_)
    excused[0] = True
    tally.add(evaluation(np.ones((2, 20)), is_anomaly=found), excused)
    quality = tally.quality()
    assert quality.anomalous_ratio == pytest.approx(1 / 40)
    assert replace(quality, samples=0).alarms_per_series_day == pytest.approx(36.0)
