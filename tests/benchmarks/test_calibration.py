"""Are the default detectors quiet where nothing happens, and is that counted right?"""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from benchmarks.accuracy.calibration import main, simulate, table
from benchmarks.accuracy.noise import FAMILIES, MINUTES_PER_DAY, MINUTES_PER_WEEK, noise
from benchmarks.accuracy.quiet import ENSEMBLE, Alarms, Rate, count_alarms
from benchmarks.accuracy.scoring import plan_for
from benchmarks.accuracy.settings import config_of

SERIES = 30
DAYS = 7
KINDS = tuple(product(FAMILIES, (False, True)))


@pytest.fixture(scope="module")
def default_alarms() -> Alarms:
    """Thirty series-weeks of every kind of noise, from a cold start, as the series of one query."""
    rng = np.random.default_rng(20240101)
    blocks = [
        noise(FAMILIES[family], rng, SERIES, DAYS * MINUTES_PER_DAY, is_seasonal=is_seasonal)
        for family, is_seasonal in KINDS
    ]
    return count_alarms(plan_for(config_of(None), 60_000), np.concatenate(blocks))


@pytest.mark.parametrize("family", FAMILIES)
def test_less_than_one_false_alarm_per_series_and_week(family: str, default_alarms: Alarms) -> None:
    first = KINDS.index((family, False)) * SERIES
    rate = default_alarms.rate(ENSEMBLE, slice(first, first + 2 * SERIES))
    assert rate.weeks > 50
    assert rate.at_most < 1, f"{rate} on {family}, with and without a season; 95 % confidence"


def test_alarms_within_an_hour_are_one_even_across_pieces() -> None:
    plan = plan_for(config_of(None, ["mad"]), 60_000)
    values = np.random.default_rng(3).uniform(-1, 1, (2, 1500))
    values[0, [600, 601, 661, 722, 1499]] = 99.0
    values[1, :1000] = np.nan
    whole = count_alarms(plan, values)
    assert whole.counts["mad"].tolist() == [3, 0]
    assert whole.counts[ENSEMBLE].tolist() == [3, 0]
    assert whole.minutes["mad"].tolist() == [1480, 480]
    cut = count_alarms(plan, values, cells=2 * 61)
    assert cut.counts["mad"].tolist() == [3, 0]
    assert cut.minutes["mad"].tolist() == [1480, 480]
    deaf = replace(plan, policy=replace(plan.policy, threshold=1.5))
    assert count_alarms(deaf, values).counts["mad"].tolist() == [0, 0]


def test_the_bound_is_the_exact_one() -> None:
    # From any table of the chi-squared distribution: half of its 95 % points at 2 and 4 degrees.
    assert Rate(0, 1.0).at_most == pytest.approx(5.9915 / 2, rel=1e-4)
    assert Rate(1, 2.0).at_most == pytest.approx(9.4877 / 4, rel=1e-4)
    assert Rate(3, 2.0).per_week == 1.5
    assert np.isnan(Rate(0, 0.0).per_week)
    assert Rate(0, 0.0).at_most == np.inf


@pytest.mark.parametrize("family", FAMILIES)
def test_noise_is_stationary_but_for_its_season(family: str) -> None:
    shape = 200, MINUTES_PER_DAY
    calm, swinging = (
        noise(FAMILIES[family], np.random.default_rng(5), *shape, is_seasonal=is_seasonal)
        for is_seasonal in (False, True)
    )
    morning, evening = slice(300, 420), slice(1020, 1140)
    assert calm.shape == shape
    assert calm[:, morning].mean() == pytest.approx(calm[:, evening].mean(), abs=0.4)
    assert swinging[:, morning].mean() > swinging[:, evening].mean() + 0.5


def test_prints_a_table() -> None:
    found = {"calm": Alarms(), "wild": Alarms()}
    for alarms, count in zip(found.values(), (0, 3), strict=True):
        for who in ("mad", ENSEMBLE):
            alarms.counts[who] = np.array([count, 0])
            alarms.minutes[who] = np.array([MINUTES_PER_WEEK] * 2)
    lines = table(found).splitlines()
    assert lines[0].endswith("| ensemble | mad |")
    assert lines[2:] == [
        "| calm | 0.00 (1.50) | 0.00 (1.50) |",
        "| wild | 1.50 (3.88) | 1.50 (3.88) |",
        "| **all** | 0.75 (1.94) | 0.75 (1.94) |",
    ]


def test_refuses_detectors_that_do_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--detectors=nonsense"]) == 2
    assert "found 'nonsense'" in capsys.readouterr().err


def test_the_same_seed_is_the_same_noise() -> None:
    config = config_of(None, ["mad"])
    one, same, other = (
        simulate(config, "student t3", True, 4, 600, seed).counts["mad"].tolist()
        for seed in (1, 1, 2)
    )
    assert one == same
    assert sum(one) > 0
    assert one != other
