"""What if a query's state is exchanged for another version of it?"""

from dataclasses import replace

import numpy as np

from exporter.core.published import GAUGES
from exporter.core.series import Floats
from tests.exporter.arraysource import STEP, ArraySource
from tests.exporter.loops.test_runner import SECONDS, runner_of


def test_another_version_may_come_into_force_while_an_answer_is_awaited() -> None:
    """It has not seen the columns before, and asks for them."""
    values: Floats = np.random.default_rng(5).normal(10.0, 1.0, (3, 400))
    source = ArraySource(values)
    steady, runner = runner_of(source), runner_of(source)
    steady.run(100 * SECONDS)
    runner.run(100 * SECONDS)
    assert runner.swap(1, runner.state) is None
    runner.number(1)
    older = runner.copy()
    runner.run(110 * SECONDS)

    def exchange() -> None:
        retired = runner.swap(1, replace(older, model=2))
        assert retired is not None
        assert (retired.until, retired.model) == (110 * STEP, 1)

    source.meanwhile.append(exchange)
    assert runner.run(120 * SECONDS).is_behind
    outcome = runner.run(120 * SECONDS)
    assert source.asked[-1] == (101 * STEP, 120 * STEP)
    assert runner.state.model == 2
    expected = steady.run(120 * SECONDS)
    for name in GAUGES:
        np.testing.assert_array_equal(
            outcome.published.gauges[name], expected.published.gauges[name]
        )
