"""What does a query know again after a restart?"""

from pathlib import Path

import numpy as np
import pytest

from exporter.adapters import checkpoint
from exporter.adapters.checkpoint import Saved
from exporter.core.published import GAUGES
from exporter.core.series import Floats
from exporter.loops.runner import QueryRunner
from exporter.pipeline import QueryState
from tests.exporter.arraysource import STEP, ArraySource
from tests.exporter.loops.test_runner import SECONDS, query_of, runner_of
from tests.exporter.masks import mask, under


@pytest.fixture
def values() -> Floats:
    return np.random.default_rng(5).normal(10.0, 1.0, (3, 400))


def test_a_restart_goes_on_where_the_saved_state_ends(values: Floats, tmp_path: Path) -> None:
    path = tmp_path / "exporter.state"
    before = runner_of(ArraySource(values))
    before.run(100 * SECONDS)
    size = checkpoint.store(path, Saved({"q": (before.fingerprint, before.state)}))
    assert size == path.stat().st_size
    restored = checkpoint.restore(path, {"q": query_of()}).queries
    source = ArraySource(values)
    after = runner_of(source, restored["q"][1])
    warm = after.run(110 * SECONDS)
    steady = before.run(110 * SECONDS)
    assert source.asked == [(101 * STEP, 110 * STEP)]
    assert warm.published.keys == steady.published.keys
    assert warm.quality == steady.quality
    for name in GAUGES:
        np.testing.assert_array_equal(warm.published.gauges[name], steady.published.gauges[name])


def test_state_of_a_changed_query_is_not_used(values: Floats, tmp_path: Path) -> None:
    path = tmp_path / "exporter.state"
    runner = runner_of(ArraySource(values))
    runner.run(100 * SECONDS)
    checkpoint.store(path, Saved({"q": (runner.fingerprint, runner.state)}))
    changed = query_of(", detectors: [{kind: mad}]")
    assert checkpoint.restore(path, {"q": changed}) == Saved()
    assert checkpoint.restore(path, {}) == Saved()
    assert set(checkpoint.restore(path, {"q": query_of(", threshold: 0.9")}).queries) == {"q"}


def test_state_that_does_not_fit_is_not_used(values: Floats, tmp_path: Path) -> None:
    path = tmp_path / "exporter.state"
    runner = runner_of(ArraySource(values))
    runner.run(100 * SECONDS)
    short = QueryState(
        keys=runner.state.keys[:1],
        until=runner.state.until,
        latest=runner.state.latest,
        detectors=runner.state.detectors,
    )
    checkpoint.store(path, Saved({"q": (runner.fingerprint, short)}))
    assert checkpoint.restore(path, {"q": query_of()}) == Saved()


def test_a_damaged_state_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "exporter.state"
    assert checkpoint.restore(path, {"q": query_of()}) == Saved()
    assert checkpoint.restore(None, {"q": query_of()}) == Saved()
    path.write_bytes(b"not a state")
    assert checkpoint.restore(path, {"q": query_of()}) == Saved(is_damaged=True)
    aside = tmp_path / "exporter.state.corrupt"
    assert aside.read_bytes() == b"not a state"
    assert not path.exists()
    aside.unlink()
    aside.mkdir()  # nothing can be moved there
    path.write_bytes(b"not a state")
    assert checkpoint.restore(path, {"q": query_of()}) == Saved(is_damaged=True)
    assert path.exists()


def test_maintenance_is_shown_and_kept_over_a_restart(values: Floats, tmp_path: Path) -> None:
    conditions = under(mask((110 * STEP, 130 * STEP), rows="1", mutes=True))
    values[1, 112:130] += 50.0
    source = ArraySource(values)

    def at_work(state: QueryState | None) -> QueryRunner:
        return QueryRunner(
            query_of(), source, state, lambda phase, seconds: None, lambda: 0.0, lambda: conditions
        )

    runner = at_work(None)
    assert runner.run(109 * SECONDS).masked == 0
    outcome = runner.run(115 * SECONDS)
    assert (outcome.masked, outcome.published.muted) == (1, (b'{"row":"1"}',))
    score = outcome.published.gauges["anomaly_score"]
    assert np.flatnonzero(np.isnan(score)).tolist() == [1]
    assert outcome.warming == 0
    checkpoint.store(tmp_path / "state", Saved({"q": (runner.fingerprint, runner.state)}))
    saved = checkpoint.restore(tmp_path / "state", {"q": runner.query}).queries["q"][1]
    restarted = at_work(saved)
    for column in range(116, 135):
        one, other = (each.run(column * SECONDS) for each in (runner, restarted))
        for name in GAUGES:
            expected = one.published.gauges[name]
            np.testing.assert_array_equal(other.published.gauges[name], expected)
    assert (one.masked, one.published.muted) == (0, ())
    assert one.published.gauges["anomaly_score"][1] < 0.6
