"""A query's drift checks, on a source in memory."""

from pathlib import Path

import numpy as np
import pytest

from exporter.adapters.baselinefile import baseline_path, load_baseline
from exporter.config import QueryConfig, parse_config
from exporter.core.pieces import Stopped, one_by_one
from exporter.core.series import Floats
from exporter.drift.baselines import Baseline
from exporter.drift.check import Checked
from exporter.errors import QueryError, StateCorrupt, StateError, StateTooNew
from exporter.loops.driftrunner import DriftOutcome, DriftRunner
from tests.exporter.adapters.test_statefile import sealed
from tests.exporter.arraysource import STEP, ArraySource
from tests.exporter.masks import mask, under

SECONDS = STEP / 1000
COLUMNS = 8_000
"""Of 15 s: the reference is 480 of them, the window 120, and a column of drift is two."""

FULL = 700
"""Columns after which there is history for a whole baseline."""


def query_of(more: str = "", beside: str = "") -> QueryConfig:
    drift = f"{{step: 30s, interval: 1m, reference: 2h, window: 30m{more}}}"
    text = f"queries: [{{name: q, expr: up, offset: 0, drift: {drift}{beside}}}]"
    (query,) = parse_config(text, "c.yml").all_queries()
    return query


def runner_of(
    source: ArraySource, query: QueryConfig | None = None, path: Path | None = None
) -> DriftRunner:
    query = query or query_of()
    assert query.drift is not None
    return DriftRunner(query, query.drift, source, path, one_by_one, lambda: 0.0)


def finish(runner: DriftRunner, column: int) -> DriftOutcome:
    while (outcome := runner.run(column * SECONDS)).is_behind:
        pass
    return outcome


def found(outcome: DriftOutcome) -> tuple[Checked, Baseline]:
    assert outcome.checked is not None
    assert outcome.baseline is not None
    return outcome.checked, outcome.baseline


@pytest.fixture
def values() -> Floats:
    values: Floats = np.random.default_rng(5).normal(10.0, 1.0, (3, COLUMNS))
    return values


def test_it_asks_for_the_history_once_and_then_only_for_what_is_new(values: Floats) -> None:
    source = ArraySource(values)
    runner = runner_of(source)
    checked, baseline = found(finish(runner, FULL))
    first = FULL * STEP - 239 * 2 * STEP
    assert source.asked == [(FULL * STEP, FULL * STEP), (first, FULL * STEP)]
    version = baseline.newest
    assert (version.number, version.reason, version.is_short) == (1, "first run", False)
    assert (version.first, version.last) == (first, FULL * STEP)
    np.testing.assert_array_equal(version.summary["samples"], [240] * 3)
    np.testing.assert_allclose(version.summary["mean"], 10.0, atol=0.3)
    np.testing.assert_array_equal(checked.severity, [0, 0, 0])
    assert checked.tests.keys() == {"ks", "psi", "wasserstein"}
    source.asked.clear()
    finish(runner, FULL + 1)
    assert source.asked == []
    finish(runner, FULL + 5)
    assert source.asked == [((FULL + 2) * STEP, (FULL + 4) * STEP)]


def test_a_shift_is_seen_and_retaking_makes_it_what_is_usual(values: Floats) -> None:
    values[1, FULL:] += 3.0
    values[1, FULL + 800 :] += 3.0
    runner = runner_of(ArraySource(values))
    finish(runner, FULL)
    checked, _ = found(finish(runner, FULL + 120))
    np.testing.assert_array_equal(checked.severity, [0, 3, 0])
    assert checked.before[1] == pytest.approx(10.0, abs=0.3)
    assert checked.now[1] == pytest.approx(13.0, abs=0.3)
    assert checked.tests["ks"].p_value[1] < 1e-6
    runner.retake.set()
    checked, baseline = found(finish(runner, FULL + 800))
    assert [one.reason for one in baseline.versions] == ["first run", "command"]
    assert not runner.retake.is_set()
    np.testing.assert_array_equal(checked.severity, [0, 0, 0])
    checked, baseline = found(finish(runner, FULL + 920))
    assert baseline.newest.number == 2
    np.testing.assert_array_equal(checked.severity, [0, 3, 0])
    _, baseline = found(finish(runner, FULL + 1_280))
    assert (baseline.newest.number, baseline.newest.reason) == (3, "more history")
    _, baseline = found(finish(runner, FULL + 1_900))
    assert baseline.newest.number == 3


def test_with_little_history_it_waits_then_takes_what_there_is_and_later_all(
    values: Floats, caplog: pytest.LogCaptureFixture
) -> None:
    values[:, :1000] = np.nan
    source = ArraySource(values)
    runner = runner_of(source)
    outcome = finish(runner, 1_100)
    assert outcome.baseline is None
    assert outcome.checked is not None
    assert np.isnan(outcome.checked.severity).all()
    source.asked.clear()
    finish(runner, 1_104)
    assert source.asked == [(1_102 * STEP, 1_104 * STEP)]
    _, baseline = found(finish(runner, 1_300))
    assert (baseline.newest.is_short, baseline.newest.first) == (True, 1_000 * STEP)
    _, baseline = found(finish(runner, 1_478))
    assert baseline.newest.number == 1
    _, baseline = found(finish(runner, 1_480))
    assert (baseline.newest.number, baseline.newest.reason) == (2, "more history")
    assert not baseline.newest.is_short
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "too little history for a baseline",
        "took a baseline from less history than is configured",
    ]


def test_a_schedule_takes_it_anew_and_five_versions_are_kept(values: Floats) -> None:
    runner = runner_of(ArraySource(values), query_of(", retake: 1h"))
    taken = []
    for column in range(FULL, FULL + 7 * 240, 120):
        _, baseline = found(finish(runner, column))
        taken.append(baseline.newest.number)
    assert taken == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]
    assert [one.number for one in baseline.versions] == [3, 4, 5, 6, 7]
    assert baseline.newest.reason == "schedule"


def test_series_born_later_have_a_baseline_once_there_is_enough_of_them(values: Floats) -> None:
    values[2, :1000] = np.nan
    values[0, 1500:] = np.nan
    runner = runner_of(ArraySource(values), query_of(beside=", missing_for: 0, remember_for: 1h"))
    finish(runner, FULL)
    checked, baseline = found(finish(runner, 1_400))
    np.testing.assert_array_equal(checked.severity, [0, 0, np.nan])
    day = 86_400 // 15
    checked, baseline = found(finish(runner, 1_400 + day))
    assert [len(cohort.keys) for cohort in baseline.cohorts] == [1, 1]
    assert baseline.newest.keys == (b'{"row":"1"}', b'{"row":"2"}')
    assert baseline.newest.number == 1
    np.testing.assert_array_equal(checked.severity, [0, 0])


def test_a_restart_goes_on_with_the_baseline(values: Floats, tmp_path: Path) -> None:
    values[1, FULL:] += 3.0
    path = baseline_path(tmp_path / "exporter.state", "q")
    assert path == tmp_path / "exporter.state.baselines" / "q.npz"
    steady = runner_of(ArraySource(values), path=path)
    finish(steady, FULL)
    before, _ = found(finish(steady, FULL + 160))
    restarted = runner_of(source := ArraySource(values), path=path)
    after, baseline = found(finish(restarted, FULL + 160))
    assert source.asked == [((FULL + 160 - 118) * STEP, (FULL + 160) * STEP)]
    np.testing.assert_array_equal(after.severity, before.severity)
    for name, drift in before.tests.items():
        np.testing.assert_array_equal(after.tests[name].statistic, drift.statistic)
    assert baseline.newest.number == 1
    other = runner_of(ArraySource(values), query_of().model_copy(update={"expr": "down"}), path)
    _, baseline = found(finish(other, FULL + 160))
    assert baseline.newest.first > FULL * STEP - 700 * STEP


def test_a_reload_goes_on_with_all_that_is_known(values: Floats) -> None:
    steady = runner_of(ArraySource(values))
    finish(steady, FULL)
    steady.retake.set()
    reloaded = runner_of(source := ArraySource(values), query_of(", retake: 9h"))
    reloaded.succeed(steady)
    assert reloaded.retake.is_set()
    reloaded.retake.clear()
    finish(reloaded, FULL + 2)
    assert len(source.asked) == 1
    assert reloaded.baseline is steady.baseline
    changed = runner_of(source, query_of().model_copy(update={"expr": "down"}))
    changed.succeed(reloaded)
    source.asked.clear()
    finish(changed, FULL + 2)
    assert len(source.asked) == 2


def test_waiting_for_history_survives_a_reload(values: Floats) -> None:
    values[:, : FULL - 60] = np.nan
    steady = runner_of(ArraySource(values))
    finish(steady, FULL)
    reloaded = runner_of(source := ArraySource(values))
    reloaded.succeed(steady)
    finish(reloaded, FULL + 2)
    assert source.asked == [((FULL + 2) * STEP, (FULL + 2) * STEP)]


def test_a_failure_costs_nothing_but_the_check(values: Floats) -> None:
    source = ArraySource(values)
    runner = runner_of(source)
    finish(runner, FULL)
    source.is_down = True
    runner.retake.set()
    with pytest.raises(QueryError):
        finish(runner, FULL + 4)
    assert runner.retake.is_set()
    source.is_down = False
    _, baseline = found(finish(runner, FULL + 6))
    assert baseline.newest.reason == "command"


def test_a_damaged_baseline_is_moved_aside(values: Floats, tmp_path: Path) -> None:
    path = tmp_path / "q.npz"
    path.write_bytes(b"nonsense" * 100)
    _, baseline = found(finish(runner_of(ArraySource(values), path=path), FULL))
    assert (tmp_path / "q.npz.corrupt").exists()
    assert load_baseline(path)[1].newest.number == baseline.newest.number == 1
    path.write_bytes(b"nonsense" * 100)
    query = query_of()
    assert query.drift is not None
    reader = DriftRunner(
        query, query.drift, ArraySource(values), path, one_by_one, lambda: 0.0, writes=False
    )
    with pytest.raises(StateCorrupt):
        finish(reader, FULL)


def test_a_baseline_of_a_newer_version_is_never_overwritten(values: Floats, tmp_path: Path) -> None:
    path = tmp_path / "q.npz"
    sealed(path, {"version": 2})
    content = path.read_bytes()
    with pytest.raises(StateTooNew):
        finish(runner_of(ArraySource(values), path=path), FULL)
    assert path.read_bytes() == content


def test_a_baseline_that_cannot_be_written_is_tried_again(values: Floats, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    runner = runner_of(ArraySource(values), path=tmp_path / "file" / "q.npz")
    outcome = finish(runner, FULL)
    assert isinstance(outcome.unsaved, StateError)
    found(outcome)
    (tmp_path / "file").unlink()
    assert finish(runner, FULL + 2).unsaved is None
    assert (tmp_path / "file" / "q.npz").exists()


def test_it_ends_when_told_to(values: Floats) -> None:
    runner = runner_of(ArraySource(values))
    runner.stopping.set()
    with pytest.raises(Stopped):
        finish(runner, FULL)


def test_no_series_is_no_drift() -> None:
    outcome = finish(runner_of(ArraySource(np.empty((0, COLUMNS)))), FULL)
    assert outcome.baseline is None
    assert outcome.checked is not None
    assert outcome.checked.keys == ()


def test_a_baseline_is_not_taken_from_masked_samples(values: Floats) -> None:
    values[0, 500:600] += 50.0
    conditions = under(mask((500 * STEP, 600 * STEP), rows="0"))
    query = query_of()
    assert query.drift is not None
    runner = DriftRunner(
        query, query.drift, ArraySource(values), None, one_by_one, lambda: 0.0, lambda: conditions
    )
    _, baseline = found(finish(runner, FULL))
    np.testing.assert_array_equal(baseline.newest.summary["samples"], [190, 240, 240])
    np.testing.assert_allclose(baseline.newest.summary["mean"], 10.0, atol=0.3)
