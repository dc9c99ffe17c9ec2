import math

import numpy as np
import pytest
from scipy import stats

from exporter.core import tail
from exporter.core.kernels import uncompiled
from exporter.core.scores import ANOMALOUS

shape, score = uncompiled(tail.tail_shape), uncompiled(tail.tail_score)
edge, ceiling = uncompiled(tail.tail_edge), uncompiled(tail.ceiling)


def test_an_unknown_series_has_the_prior_tail() -> None:
    """One in 20 beyond 2 deviations, index 0.2 and its error: 2 * (0.05 * 10^4.2)^0.2365."""
    log_rate, index = shape(0.0, 0.0, 0.0)
    assert math.exp(log_rate) == pytest.approx(0.05)
    assert index == pytest.approx(0.2 * (1 + 1 / math.sqrt(30)))
    assert edge(log_rate, index) == pytest.approx(2 * (0.05 * 10**4.2) ** index)
    assert score(edge(log_rate, index), log_rate, index) == pytest.approx(ANOMALOUS)


@pytest.mark.parametrize(("degrees", "widest"), [(1e6, 10.0), (3.0, 40.0)], ids=["normal", "t3"])
def test_six_tenths_lie_beyond_where_one_in_sixteen_thousand_does(
    degrees: float, widest: float
) -> None:
    law = stats.t(degrees, scale=(1.0 - 2.0 / degrees) ** 0.5)
    z = np.abs(law.ppf((np.arange(200_000) + 0.5) / 200_000))
    rate = float((z > tail.START).mean())
    excess = float(np.log(np.maximum(z / tail.START, 1.0)).mean())
    found = edge(*shape(tail.MEMORY, rate, excess))
    assert law.isf(0.5 * 10 ** (-7 * ANOMALOUS)) < found < widest


def test_what_is_beyond_the_edge_overshoots_it_by_the_index() -> None:
    """Logarithms of a power law's excesses are exponential, and their mean is its index."""
    found = uncompiled(tail.tail_overshoot)(math.log(0.05), 0.3)
    assert found == pytest.approx(math.log(edge(math.log(0.05), 0.3) / tail.START) + 0.3)


def test_the_score_rises_without_a_step_where_the_tail_starts() -> None:
    z = np.linspace(0.0, 6.0, 601)
    told = [score(float(one), math.log(0.05), 0.2) for one in z]
    assert told[0] == 0.0
    assert (np.diff(told) > 0).all()
    assert np.diff(told).max() < 0.01
    assert score(1e9, math.log(0.05), 0.2) == 1.0


def test_what_hardly_ever_changed_is_judged_by_how_seldom() -> None:
    assert ceiling(99.0, 0.0) == pytest.approx(2 / 7)
    assert ceiling(99.0, 9.0) == pytest.approx(1 / 7)
    assert ceiling(5000.0, 30.0) == 1.0


TWO = ("tail_edge", "tail_overshoot", "ceiling")


@pytest.mark.parametrize(
    "name", ["tail_shape", "tail_score", "tail_edge", "tail_overshoot", "ceiling"]
)
def test_compiled_and_uncompiled_agree(name: str) -> None:
    function = getattr(tail, name)
    for numbers in ((300.0, 0.04, 0.01), (1.5, -3.0, 0.3), (8.0, -2.5, 0.2)):
        some = numbers[: 2 if name in TWO else 3]
        if name in ("tail_shape", "ceiling"):
            some = tuple(abs(number) for number in some)
        np.testing.assert_allclose(function(*some), uncompiled(function)(*some), rtol=1e-12)
