import numpy as np
import pytest

from exporter.core import seasonality
from exporter.core.kernels import uncompiled
from exporter.core.scores import ANOMALOUS
from exporter.core.seasonality import REFRESH
from exporter.core.series import Floats
from exporter.core.trend import trend
from exporter.detectors import trend_change
from exporter.detectors.trend_change import SHARPER, TrendChange
from tests.exporter.detectors.simulated import (
    STEP,
    batch_of,
    every_noise,
    false_alarms,
    remembering,
    scores_of,
    simulate,
)

SLOPE, CHANGE, SEASON = TrendChange.signals


def kinked(slope: float, columns: int = 700, at: int = 500, series: int = 20) -> Floats:
    values = np.random.default_rng(1).normal(50.0, 1.0, (series, columns))
    values[:, at:] += slope * np.arange(columns - at)
    return values


@pytest.mark.parametrize("degree", [1, 3])
def test_agrees_with_polyfit_and_the_table(degree: int) -> None:
    values = np.random.default_rng(5).normal(size=(1, 60)).cumsum(1)
    detector = TrendChange(window=30, degree=degree)
    scores = scores_of(detector, values)
    halves = [
        np.polynomial.Polynomial.fit(np.arange(30), half, degree) for half in values.reshape(2, 30)
    ]
    old, new = (fit.deriv()(14.5) for fit in halves)
    rest = [
        half - fit(np.arange(30)) for half, fit in zip(values.reshape(2, 30), halves, strict=True)
    ]
    square = sum(float((part**2).sum()) for part in rest)
    again = sum(float((part[1:] * part[:-1]).sum()) for part in rest) / square
    doubt = trend(30, degree).doubt
    error = np.sqrt(square * np.interp(max(again, 0.8), np.linspace(0, 1, len(doubt)), doubt))
    assert np.isnan(scores.score[0, :59]).all()
    assert scores.signals[SLOPE][0, 59] == pytest.approx(new / (STEP / 1000))
    change = (new - old) / (abs(new) + abs(old) + 3 * error)
    assert scores.signals[CHANGE][0, 59] == pytest.approx(change)
    state, _ = detector.advance(detector.fresh(1), batch_of(values))
    assert state["energy"][0] == pytest.approx(((new - old) / error) ** 2)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_climb_out_of_a_plain_is_one_change(sign: float) -> None:
    scores = scores_of(TrendChange(), kinked(sign * 0.4))
    is_anomaly = scores.score >= ANOMALOUS
    assert not is_anomaly[:, :500].any()
    assert is_anomaly[:, 500:560].any(1).all()
    assert not is_anomaly[:, 620:].any()
    np.testing.assert_allclose(scores.signals[SLOPE][:, -1], sign * 0.4 / 60, rtol=0.1)
    assert (sign * scores.signals[CHANGE][:, 549] > 0.7).all()
    assert np.median(np.abs(scores.signals[CHANGE][:, 450])) < 0.4


def test_a_climb_that_becomes_a_fall_is_a_full_change() -> None:
    values = np.random.default_rng(1).normal(0.0, 0.1, (1, 300))
    values[0] += np.concatenate([np.arange(150), np.arange(150, 0, -1)])
    change = scores_of(TrendChange(), values).signals[CHANGE][0]
    assert change[199] == pytest.approx(-1.0, abs=0.01)


def test_curvature_is_noise_for_a_line_and_none_for_a_parabola() -> None:
    bend = 0.01 * np.arange(300.0) ** 2 + np.random.default_rng(1).normal(0.0, 0.1, (10, 300))
    line, parabola = (scores_of(TrendChange(degree=degree), bend) for degree in (1, 2))
    assert np.nanmax(line.score) < np.nanmax(parabola.score)
    np.testing.assert_allclose(line.signals[SLOPE], parabola.signals[SLOPE])


@every_noise
def test_noise_has_no_trend(noise: str) -> None:
    assert false_alarms(TrendChange(), simulate(noise, 60, 2000)) < 1.5e-4


def test_a_gap_is_bridged_and_a_long_one_is_not() -> None:
    values = kinked(0.0, series=2)
    values[0, 300:310] = np.nan
    values[1, 300:399] = np.nan
    score = scores_of(TrendChange(), values).score
    assert np.isnan(score[0, 300:310]).all()
    assert (score[0, 310:] < 0.5).all()
    assert np.isnan(score[1, 300:430]).all()
    assert not np.isnan(score[1, 460:]).any()


def test_infinities_are_gaps() -> None:
    values = kinked(0.0, series=1)
    values[0, 300:303] = [np.inf, -np.inf, 1e300]
    gappy = values.copy()
    gappy[0, 300:303] = np.nan
    one, other = scores_of(TrendChange(), values).score, scores_of(TrendChange(), gappy).score
    np.testing.assert_allclose(one[0, 303:], other[0, 303:], rtol=0.01)
    assert not np.isnan(one[0, 300:303]).any()


def test_a_step_between_two_constants_is_no_division_by_nothing() -> None:
    values = np.full((1, 400), 5.0)
    values[0, 200:] = 6.0
    assert np.nanmax(scores_of(TrendChange(), values).score) < ANOMALOUS


def test_the_strength_of_the_season() -> None:
    minutes = np.arange(5 * 1440)
    noise = remembering(np.random.default_rng(1).normal(size=(3, len(minutes))), 0.9)
    noise[0] += 10.0 * np.sin(2 * np.pi * minutes / 1440)
    noise[1] = np.sin(2 * np.pi * minutes / 20) + 0.1 * noise[1]
    strength = scores_of(TrendChange(), noise).signals[SEASON]
    assert strength[0, -1] > 0.8
    assert strength[1, -1] > 0.8
    assert strength[2, -1] == 0.0
    known = np.flatnonzero(~np.isnan(strength[2]))[0]
    assert known == REFRESH // STEP, "at the first look that has a window's samples"


def test_hours_between_samples_are_blocks_of_their_own() -> None:
    hours = np.arange(24 * 10)
    values = np.sin(2 * np.pi * hours / 24)[None, :]
    scores = scores_of(TrendChange(window=30), values, step=3_600_000)
    assert scores.signals[SEASON][0, -1] > 0.8


def test_compiled_and_uncompiled_agree() -> None:
    values = kinked(0.5, columns=90, at=60, series=2)
    values[0, [30, 40]] = np.nan
    detector = TrendChange(window=20, degree=2)
    state, _ = detector.advance(detector.fresh(2), batch_of(values))
    scores = scores_of(detector, values)
    slow = detector.fresh(2)
    fit = trend(20, 2)
    shape = trend_change.Shape(fit.basis, fit.slopes, fit.doubt)
    told = trend_change.Told(*(np.full(values.shape, np.nan) for _ in range(3)))
    past = trend_change.Past(**{name: slow[name] for name in trend_change.Past._fields})
    uncompiled(trend_change.advance_trend)(values, 0, 90, past, shape, told)
    np.testing.assert_allclose(told.change, scores.signals[CHANGE])
    ends = (np.arange(90) % 30) == 29
    blocks = seasonality.Blocks(**{name: slow[name] for name in seasonality.Blocks._fields})
    uncompiled(seasonality.fill_blocks)(values, 0, 90, ends, blocks)
    for name in (*trend_change.Past._fields, *seasonality.Blocks._fields):
        np.testing.assert_allclose(slow[name], state[name], err_msg=name)
    line, parts, same = values[1].copy(), np.zeros((2, 3)), np.zeros((2, 3))
    judge, twin = trend_change.judge_window, uncompiled(trend_change.judge_window)
    judge(line, 40, 1, 0, past, shape, told, parts)
    kept = told.sigmas[1, 0]
    past.samples[1] -= 1
    assert SHARPER > 1.0
    for function in (trend_change.fit_window, uncompiled(trend_change.fit_window)):
        np.testing.assert_allclose(
            function(line, 40, fit.basis, same[0]),
            trend_change.fit_window(line, 40, fit.basis, parts[0]),
        )
    twin(line, 40, 1, 1, past, shape, told, same)
    np.testing.assert_allclose(told.sigmas[1, 1], kept, rtol=0.2)
    np.testing.assert_allclose(parts, same)
