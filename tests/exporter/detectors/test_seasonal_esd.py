from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from exporter.config import QueryConfig, parse_config
from exporter.core import esd
from exporter.core.kernels import uncompiled
from exporter.core.scores import ANOMALOUS, LEARNABLE, Scores
from exporter.core.seasons import DAY
from exporter.core.series import Floats, Ints, SeriesBatch
from exporter.detectors import seasonal_esd
from exporter.detectors.seasonal_esd import SeasonalEsd
from exporter.errors import ConfigError
from tests.exporter.detectors.simulated import every_noise, false_alarms, scores_of, simulate

F = TypeVar("F", bound=Callable[..., Any])
MINUTE = 60_000
STEP = 5 * MINUTE
PER_DAY = DAY // STEP
BERLIN = ZoneInfo("Europe/Berlin")
PLAIN = SeasonalEsd(period="none", window=20, min_samples=10, quarantine=1)


def instant(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def batch_of(
    values: Floats, start: int = 0, zone: ZoneInfo | None = None, step: int = STEP
) -> SeriesBatch:
    keys = tuple(b"%d" % row for row in range(len(values)))
    times = start + np.arange(values.shape[1], dtype=np.int64) * step
    return SeriesBatch(keys, times, values, step).on_clock(zone)


def run(detector: SeasonalEsd, batch: SeriesBatch) -> Scores:
    return detector.advance(detector.fresh(len(batch.keys)), batch)[1]


def office_hours(wall_times: Ints, seed: int = 1) -> Floats:
    """Return one series that is busy by day, with noise of deviation 2."""
    hour = wall_times % DAY / 3_600_000
    busy = 100.0 / (1.0 + np.exp(-3.0 * (hour - 8.0))) - 100.0 / (1.0 + np.exp(-3.0 * (hour - 18)))
    noise = np.random.default_rng(seed).normal(0, 2, len(wall_times))
    return np.asarray(500.0 + busy + noise)[None, :]


def test_by_hand() -> None:
    """Ten values 1..10: median 5.5, MAD 2.5, so 20 is 14.5 / (1.4826 * 2.5) = 3.912 away."""
    scores = run(PLAIN, batch_of(np.array([[*range(1, 11), 20]], dtype=np.float64)))
    assert np.isnan(scores.score[0, :10]).all()
    assert scores.expected[0, 10] == 5.5
    assert scores.sigmas[0, 10] == pytest.approx(3.912, abs=1e-3)


def test_outliers_do_not_widen_the_band() -> None:
    """The textbook's test takes two of 20 values out before level and spread are measured."""
    rng = np.random.default_rng(2)
    noise = rng.uniform(-1, 1, 20)
    noise[[3, 11]] = 5.0
    clean = np.delete(noise, [3, 11])
    detector = SeasonalEsd(period="none", window=20, min_samples=20)
    scores = run(detector, batch_of(np.append(noise, 0.0)[None, :]))
    median = np.median(clean)
    mad = 1.4826 * np.median(np.abs(clean - median))
    assert scores.expected[0, 20] == pytest.approx(median, abs=1e-6)
    assert scores.sigmas[0, 20] == pytest.approx(-median / mad, rel=1e-3)


def test_the_season_is_expected_and_its_absence_flagged() -> None:
    times = np.arange(8 * PER_DAY, dtype=np.int64) * STEP
    values = office_hours(times)
    noon, midnight = 7 * PER_DAY + PER_DAY // 2, 7 * PER_DAY
    values[0, noon + 6] = 500.0  # ordinary at night
    values[0, midnight + 6] = 600.0  # ordinary by day
    scores = run(SeasonalEsd(), batch_of(values))
    assert scores.expected[0, noon] == pytest.approx(600.0, abs=5.0)
    assert scores.expected[0, midnight] == pytest.approx(500.0, abs=5.0)
    late = np.flatnonzero(scores.score[0, 4 * PER_DAY :] >= ANOMALOUS) + 4 * PER_DAY
    assert late.tolist() == [midnight + 6, noon + 6]
    plain = run(SeasonalEsd(period="none"), batch_of(values))
    assert (plain.score[0, [midnight + 6, noon + 6]] < ANOMALOUS).all(), "only the season knows"


def test_habits_are_never_punctual() -> None:
    """Work begins some minutes early or late; nobody wants to be told, day after day."""
    rng = np.random.default_rng(9)
    minute = np.arange(14 * 1440)
    late = rng.normal(0.0, 3.0, (10, 14))[:, minute // 1440]
    is_work = (minute % 1440 >= 480 + late) & (minute % 1440 < 1080 + late)
    values = 100.0 * is_work + rng.normal(0.0, 2.0, is_work.shape)
    scores = run(SeasonalEsd(), batch_of(values, step=MINUTE))
    assert not (scores.score[:, 7 * 1440 :] >= ANOMALOUS).any()


@pytest.mark.parametrize("change", ["2026-03-29", "2026-10-25"])
@pytest.mark.parametrize("period", ["auto", "daily"])
def test_nothing_is_odd_when_the_clocks_change(change: str, period: str) -> None:
    start = instant(change) - 8 * DAY
    blank = batch_of(np.zeros((1, 11 * PER_DAY)), start, BERLIN)
    values = office_hours(blank.wall_times)
    detector = SeasonalEsd(period="daily" if period == "daily" else "auto")
    state, _ = detector.advance(detector.fresh(1), batch_of(values[:, :2304], start, BERLIN))
    here = batch_of(values[:, 2304:], start + 2304 * STEP, BERLIN)  # from the day of the change on
    _, local = detector.advance(state, here)
    assert (local.score < LEARNABLE).all()
    assert np.abs(local.expected - here.values).mean() < 4.0
    there = batch_of(values[:, 2304:], start + 2304 * STEP, BERLIN).on_clock(ZoneInfo("Etc/GMT-1"))
    if change == "2026-03-29":  # a clock that stays at winter time is late for the office
        _, fixed = detector.advance(state, there)
        assert (
            np.abs(fixed.expected - here.values).mean()
            > 1.5 * np.abs(local.expected - here.values).mean()
        )


def test_an_incident_is_not_learned_until_it_is_the_new_normal() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(50.0, 2.0, (2, 600))
    values[:, 300:] += 100.0
    values[1, 340:] -= 100.0  # the second is over before it is accepted
    detector = SeasonalEsd(accept_after=60 * STEP / 1000)
    scores = run(detector, batch_of(values))
    is_anomaly = scores.score >= ANOMALOUS
    assert is_anomaly[0, 300:360].all()
    assert not is_anomaly[0, 362:].any()
    assert scores.expected[0, -1] == pytest.approx(150.0, abs=2.0)
    assert is_anomaly[1, 300:340].all()
    assert not is_anomaly[1, 340:].any()
    width = scores.upper - scores.lower
    assert width[1, 345] == pytest.approx(width[1, 299], rel=0.5)
    assert not np.isnan(scores.score[:, 100:]).any(), "a new level leaves no blind spot"


def test_an_incident_that_climbs_does_not_hide_itself() -> None:
    values = np.random.default_rng(4).normal(50.0, 2.0, (1, 500))
    values[0, 400:470] += np.concatenate([np.linspace(0.0, 60.0, 13), np.full(57, 60.0)])
    scores = run(SeasonalEsd(accept_after=1e6), batch_of(values))
    assert (scores.score[0, 408:470] >= ANOMALOUS).all()
    assert not (scores.score[0, 470:] >= ANOMALOUS).any()


def test_a_job_every_ten_minutes_is_learned() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(10.0, 1.0, (1, 1500))
    values[0, ::40] += 60.0
    scores = run(SeasonalEsd(), batch_of(values, step=15_000))
    assert not (scores.score[0, 1000:] >= ANOMALOUS).any()
    assert scores.expected[0, 1400] > 60.0
    assert scores.expected[0, 1420] < 15.0


def test_large_values_keep_their_digits() -> None:
    """float32 cannot tell 1.7e8 from 1.7e8 + 7; the window is relative to the first sample."""
    rng = np.random.default_rng(6)
    small = rng.normal(0.0, 1.0, (1, 400))
    small[0, 390] = 40.0
    one = run(SeasonalEsd(), batch_of(small))
    other = run(SeasonalEsd(), batch_of(small + 1.7e8))
    np.testing.assert_allclose(one.score, other.score, atol=1e-3)


@every_noise
def test_stationary_noise_is_no_incident(noise: str) -> None:
    assert false_alarms(SeasonalEsd(), simulate(noise, 60, 3000)) <= 2e-4


def test_the_textbook_would_cry_wolf() -> None:
    """What the calibration is for: the test's own verdict on Student's t."""
    noise = simulate("student t3", 60, 3000)
    detector = SeasonalEsd()
    critical = esd.critical_values(detector.window, seasonal_esd.ALPHA)[detector.window]
    sigmas = scores_of(detector, noise).sigmas
    assert (np.abs(sigmas[:, 500:]) > critical).mean() > 3e-3
    assert false_alarms(detector, noise) < 2e-4


def test_the_compiled_kernels_do_what_is_written() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(5.0, 1.0, (2, 90))
    values[0, 60:70] = 40.0
    values[1, 40] = np.nan
    values[1, 50] = np.inf
    detector = SeasonalEsd(window=20, min_samples=10, accept_after=5 * STEP / 1000)
    results = []
    for is_compiled in (True, False):
        kernel = seasonal_esd.advance_esd
        kernel = kernel if is_compiled else uncompiled(kernel)
        state = detector.fresh(2)
        outputs = {
            name: np.full(values.shape, np.nan)
            for name in ("score", "expected", "lower", "upper", "sigmas")
        }
        kernel(
            values,
            np.zeros(values.shape),
            np.zeros(values.shape),
            **{name: state[name] for name in seasonal_esd.OWN},
            max_share=0.1,
            critical=esd.critical_values(20, 0.05),
            warm=10,
            patience=5,
            **outputs,
        )
        results.append([*outputs.values(), *state.values()])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("is_compiled", [True, False])
def test_small_kernels(is_compiled: bool) -> None:
    def pick(kernel: F) -> F:
        return kernel if is_compiled else uncompiled(kernel)

    ordered = np.array([0.0] * 18 + [5.0, 5.0], dtype=np.float32)
    infinite = np.full(21, np.inf)
    center, spread = pick(esd.level_of)(ordered, 20, 0.1, infinite)
    assert (center, spread) == (0.0, pytest.approx(np.sqrt(2.5))), (
        "most are equal: root mean square"
    )
    ring, sorted_ring = (np.full(3, np.nan, dtype=np.float32) for _ in range(2))
    waiting = np.full(1, np.nan, dtype=np.float32)
    count, turn = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    for now in (3.0, 1.0, 2.0, 9.0, 8.0):
        pick(esd.learn)(now, count, turn, ring, sorted_ring, waiting, 2)
    assert ring.tolist() == [9.0, 1.0, 2.0], "8 still waits; the window holds three"
    assert sorted_ring.tolist() == [1.0, 2.0, 9.0]
    tail = np.zeros(4)
    pick(seasonal_esd.count_sample)(tail, 1e3, True, True, 9.0)
    assert tail == pytest.approx([0.1, 0.15, 0.1, 0.95 * seasonal_esd.FASTEST])
    pick(seasonal_esd.count_sample)(tail, 0.0, False, False, 9.0)
    assert tail == pytest.approx([0.1, 0.15, 0.09, 0.95 * seasonal_esd.FASTEST])


def query(period: str) -> QueryConfig:
    detectors = f"[{{kind: seasonal_esd, period: {period}}}]"
    text = f"queries:\n  - name: q\n    expr: up\n    detectors: {detectors}"
    return parse_config(text, "test").queries[0]


@pytest.mark.parametrize(
    ("period", "expected"), [("auto", "auto"), ("weekly", "weekly"), ("3h", 10_800.0)]
)
def test_periods_are_names_or_durations(period: str, expected: Any) -> None:
    read = query(period)
    (detector,) = read.detectors
    assert detector == SeasonalEsd(period=expected)
    assert f'"period":"{period}"' in read.model_dump_json(), "the state's fingerprint"
    detector.advance(detector.fresh(1), batch_of(np.zeros((1, 3))))


@pytest.mark.parametrize("period", ["monthly", "0s", "-1h"])
def test_other_periods_are_refused(period: str) -> None:
    with pytest.raises(ConfigError, match=r"period") as refusal:
        query(period)
    assert "auto" in str(refusal.value) or "greater than 0" in str(refusal.value)


def test_state_depends_on_the_seasons_asked_for() -> None:
    periods: list[Any] = ["none", "daily", "weekly", "auto", DAY / 1000, 7 * DAY / 1000]
    sizes = {
        str(period): sum(array.nbytes for array in SeasonalEsd(period=period).fresh(1).values())
        for period in periods
    }
    assert sizes["none"] < sizes["daily"] < sizes["weekly"] < sizes["auto"] < 6200
    assert sizes["604800.0"] == sizes["weekly"]
    assert SeasonalEsd(period="none").memory == 245
    assert SeasonalEsd().memory == seasonal_esd.HISTORY
