import numpy as np
import pytest

from exporter.config import QueryConfig, parse_config
from exporter.core.published import GAUGES
from exporter.core.series import Floats
from exporter.errors import SourceUnavailable
from exporter.loops.runner import Outcome, QueryRunner
from exporter.loops.slices import SLICE
from exporter.pipeline import QueryState
from tests.exporter.arraysource import STEP, ArraySource

SECONDS = STEP / 1000


def query_of(more: str = "") -> QueryConfig:
    text = f"queries: [{{name: q, expr: up, offset: 0{more}}}]"
    if "lookback" not in more:
        text = text.replace("offset: 0", "offset: 0, lookback: 10m")
    (query,) = parse_config(text, "c.yml").all_queries()
    return query


def runner_of(source: ArraySource, state: QueryState | None = None, more: str = "") -> QueryRunner:
    return QueryRunner(query_of(more), source, state, lambda phase, seconds: None, lambda: 0.0)


@pytest.fixture
def values() -> Floats:
    return np.random.default_rng(5).normal(10.0, 1.0, (3, 400))


def test_asks_for_the_lookback_once_and_then_only_for_what_is_new(values: Floats) -> None:
    source = ArraySource(values)
    runner = runner_of(source)
    assert runner.run(100 * SECONDS).columns == 41
    assert runner.run(101 * SECONDS).columns == 1
    assert runner.run(101 * SECONDS + 3).columns == 0
    assert runner.run(105 * SECONDS).columns == 4
    assert source.asked == [
        (60 * STEP, 100 * STEP),
        (101 * STEP, 101 * STEP),
        (102 * STEP, 105 * STEP),
    ]


def test_an_outage_is_caught_up_with_and_loses_nothing(values: Floats) -> None:
    steady, interrupted = runner_of(ArraySource(values)), ArraySource(values)
    runner = runner_of(interrupted)
    for column in range(100, 130):
        steady_outcome = steady.run(column * SECONDS)
        interrupted.is_down = 105 <= column < 125
        if interrupted.is_down:
            with pytest.raises(SourceUnavailable):
                runner.run(column * SECONDS)
        else:
            outcome = runner.run(column * SECONDS)
    for name in GAUGES:
        np.testing.assert_allclose(
            outcome.published.gauges[name], steady_outcome.published.gauges[name]
        )


def test_gaps_in_the_data_show_and_those_of_the_exporter_do_not(values: Floats) -> None:
    values[:2, 90:115:5] = np.nan
    source = ArraySource(values)
    runner = runner_of(source)
    runner.run(100 * SECONDS)
    source.is_down = True
    with pytest.raises(SourceUnavailable):
        runner.run(110 * SECONDS)
    source.is_down = False
    quality = runner.run(120 * SECONDS).quality
    assert quality.completeness == pytest.approx(1 - 10 / (3 * 61), abs=0.005)
    assert quality.newest == 120 * STEP


def test_after_a_gap_longer_than_the_lookback_it_starts_cold(values: Floats) -> None:
    source = ArraySource(values)
    runner = runner_of(source, more=", remember_for: 0")
    runner.run(100 * SECONDS)
    assert runner.run(300 * SECONDS).columns == 41
    assert source.asked[-1] == (260 * STEP, 300 * STEP)


def finish(runner: QueryRunner, now: float) -> Outcome:
    """Run until there is nothing more to catch up with."""
    while (outcome := runner.run(now)).is_behind:
        pass
    return outcome


LONG = ", lookback: 7500s"  # 500 columns
MANY = 3_000


@pytest.fixture(scope="module")
def many() -> Floats:
    return np.random.default_rng(6).normal(10.0, 1.0, (MANY, 560))


def test_a_long_lookback_is_taken_in_slices_and_learns_the_same(many: Floats) -> None:
    source, whole = ArraySource(many), ArraySource(many[:2])
    runner = runner_of(source, more=LONG)
    outcome = finish(runner, 550 * SECONDS)
    assert source.asked[0] == (550 * STEP, 550 * STEP), "counts the series first"
    slices = source.asked[1:]
    assert max(end - start for start, end in slices) // STEP < SLICE // MANY
    assert [slices[0][0], slices[-1][1]] == [50 * STEP, 550 * STEP]
    assert [start for start, _ in slices[1:]] == [end + STEP for _, end in slices[:-1]]
    few = finish(runner_of(whole, more=LONG), 550 * SECONDS)
    for name in GAUGES:
        np.testing.assert_allclose(
            outcome.published.gauges[name][:2], few.published.gauges[name], err_msg=name
        )


def test_a_slice_that_fails_costs_only_itself_and_the_next_is_smaller(many: Floats) -> None:
    source = ArraySource(many)
    runner = runner_of(source, more=LONG)
    assert runner.run(550 * SECONDS).is_behind
    source.is_slow = True
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match="raise the query's `timeout`") as caught:
            runner.run(550 * SECONDS)
        assert caught.value.reason == "timeout"
    source.is_slow = False
    outcome = finish(runner, 550 * SECONDS)
    first, failed, _, retried = source.asked[1:5]
    assert retried[0] == failed[0] == first[1] + STEP
    assert retried[1] - retried[0] < (failed[1] - failed[0]) * 0.6
    steady = finish(runner_of(ArraySource(many), more=LONG), 550 * SECONDS)
    np.testing.assert_allclose(
        outcome.published.gauges["anomaly_expected_value"],
        steady.published.gauges["anomaly_expected_value"],
    )


def test_a_lookback_says_how_far_it_is(many: Floats, caplog: pytest.LogCaptureFixture) -> None:
    clock = iter(range(0, 10_000, 6))
    query = query_of(LONG)
    source = ArraySource(many)
    runner = QueryRunner(query, source, None, lambda phase, seconds: None, lambda: next(clock))
    with caplog.at_level("INFO"):
        finish(runner, 550 * SECONDS)
    left = [vars(record)["columns_left"] for record in caplog.records]
    assert left == sorted(left, reverse=True)
    assert left


def test_after_a_pause_that_series_are_remembered_for_nothing_is_lost(values: Floats) -> None:
    source = ArraySource(values)
    runner = runner_of(source)
    runner.run(100 * SECONDS)
    assert not np.isnan(finish(runner, 300 * SECONDS).published.gauges["anomaly_value"]).any()
    assert source.asked[-1] == (101 * STEP, 300 * STEP)


def test_series_that_left_during_the_lookback_are_not_reported(values: Floats) -> None:
    values[1, 90:] = np.nan
    outcome = runner_of(ArraySource(values)).run(100 * SECONDS)
    assert (len(outcome.published.keys), outcome.published.missing) == (2, ())


def test_nor_are_they_after_a_reload_during_the_lookback(many: Floats) -> None:
    some = many.copy()
    some[:5, 500:] = np.nan
    before = runner_of(ArraySource(some), more=LONG)
    assert before.run(550 * SECONDS).is_behind
    after = runner_of(ArraySource(some), before.state, more=LONG)
    after.succeed(before)
    assert finish(after, 550 * SECONDS).published.missing == ()


def test_after_a_defect_in_the_arithmetic_the_query_starts_cold(values: Floats) -> None:
    source = ArraySource(values)
    runner = runner_of(source)
    runner.run(100 * SECONDS)
    del runner.state.latest["anomaly_score"]
    with pytest.raises(KeyError):
        runner.run(101 * SECONDS)
    assert runner.run(102 * SECONDS).columns == 41
    assert source.asked[-1] == (62 * STEP, 102 * STEP)


def test_series_above_the_limit_are_counted_and_always_the_same(values: Floats) -> None:
    many = np.random.default_rng(1).normal(size=(50, 200))
    runner = runner_of(ArraySource(many), more=", max_series: 20")
    first = runner.run(100 * SECONDS)
    second = runner.run(101 * SECONDS)
    assert (first.dropped, len(first.published.keys)) == (30, 20)
    assert second.published.keys == first.published.keys


def test_a_newcomer_above_the_limit_does_not_let_another_look_vanished() -> None:
    many = np.random.default_rng(1).normal(size=(50, 200))
    many[:49, :] = np.where(np.arange(49)[:, None] % 2, many[:49], np.nan)
    late = many.copy()
    late[::2, 101:] = 1.0
    runner = runner_of(ArraySource(late), more=", max_series: 20")
    first = runner.run(100 * SECONDS)
    later = runner.run(110 * SECONDS)
    assert later.dropped > first.dropped
    assert later.published.keys == first.published.keys
    assert later.published.missing == ()


def test_what_was_dropped_is_still_dropped_while_there_is_nothing_new() -> None:
    runner = runner_of(ArraySource(np.ones((5, 200))), more=", max_series: 3")
    assert runner.run(100 * SECONDS).dropped == 2
    assert runner.run(100 * SECONDS + 1).dropped == 2


def test_a_series_that_left_early_is_not_warming_up(values: Floats) -> None:
    values[1, :99] = values[1, 102:] = np.nan
    runner = runner_of(ArraySource(values))
    assert runner.run(101 * SECONDS).warming == 1
    assert runner.run(110 * SECONDS).warming == 0


def test_a_clock_that_was_set_back_does_not_freeze_the_scores(values: Floats) -> None:
    source = ArraySource(values)
    runner = runner_of(source)
    runner.run(300 * SECONDS)
    assert runner.run(298 * SECONDS).columns == 0  # a hiccup within the grace time
    assert runner.run(200 * SECONDS).columns == 41
    assert source.asked[-1] == (160 * STEP, 200 * STEP)
    assert runner.run(201 * SECONDS).columns == 1


def test_missing_reports_can_be_turned_off(values: Floats) -> None:
    values[1, 100:] = np.nan
    for more, missing in (("", 1), (", missing_for: 0", 0)):
        runner = runner_of(ArraySource(values), more=more)
        runner.run(99 * SECONDS)
        outcome = runner.run(103 * SECONDS)
        assert (len(outcome.published.missing), len(outcome.published.keys)) == (missing, 2)
