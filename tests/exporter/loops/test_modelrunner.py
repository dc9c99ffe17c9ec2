"""A model's quality, on predictions and truth in memory."""

from pathlib import Path

import numpy as np
import pytest

from exporter.core.pieces import Stopped
from exporter.errors import ModelError, QueryError, StateCorrupt, StateTooNew
from exporter.loops.modelrunner import ModelOutcome, ModelRunner
from exporter.modelwatch.day import merged
from exporter.modelwatch.degradation import WINDOWS, ModelQuality
from exporter.modelwatch.history import Tally
from exporter.settings.modelwatch import WatchedModelConfig
from tests.exporter.adapters.test_statefile import sealed
from tests.exporter.loops.modelsource import DAY, HOUR, ORIGIN, ModelSource, model_of, predicted


def runner_of(
    source: ModelSource, model: WatchedModelConfig | None = None, path: Path | None = None
) -> ModelRunner:
    return ModelRunner(model or model_of(), source, path, lambda: 0.0)


def look(runner: ModelRunner, column: float) -> ModelOutcome:
    while (outcome := runner.run((ORIGIN + column * HOUR) / 1000)).is_behind:
        pass
    return outcome


def found(runner: ModelRunner, column: float) -> ModelQuality:
    quality = look(runner, column).quality
    assert quality is not None
    return quality


def current(runner: ModelRunner) -> Tally:
    assert runner.history is not None
    return runner.history.current


def test_it_asks_once_for_ninety_days_and_then_only_for_what_is_new() -> None:
    source = ModelSource(*predicted(100, 4, 0.1))
    runner = runner_of(source)
    quality = found(runner, 2_399)
    end, start = ORIGIN + 2_399 * HOUR, ORIGIN + (2_399 - 2_159) * HOUR
    assert ("score", start, end) in source.asked
    assert ("truth", start, end) in source.asked
    assert quality.windows["7d"].labelled == 4 * 7 * 24
    assert quality.windows["7d"].f1 == pytest.approx(0.88, abs=0.03)
    assert quality.windows["7d"].roc_auc == pytest.approx(0.9, abs=0.03)
    source.asked.clear()
    found(runner, 2_399.9)
    assert source.asked == []
    found(runner, 2_402)
    assert source.asked == [
        (what, ORIGIN + 2_400 * HOUR, ORIGIN + 2_402 * HOUR) for what in ("score", "truth")
    ]


@pytest.mark.parametrize("seed", range(4))
def test_windows_are_those_of_a_count_from_scratch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, truths = predicted(50, 5, 0.2, seed)
    scores[rng.random(scores.shape) < 0.2] = np.nan
    truths[rng.random(truths.shape) < 0.3] = np.nan
    truths[:, 300:500] = np.nan
    scores[3, 700:] = np.nan  # gone
    delay = int(rng.integers(0, 60))
    source = ModelSource(scores, truths, delay)
    model = model_of(f", label_delay: {delay}h")
    steady = runner_of(source, model)
    column = 0
    while column < 1_195 + delay:
        column += int(rng.integers(1, 90))
        quality = found(steady, column)
        newest = column - delay
        for name, days in WINDOWS.items():
            first = max(0, (newest // 24 - days + 1) * 24)
            part = slice(first, max(first, newest + 1))
            score, truth = scores[:, part], truths[:, part]
            known = ~np.isnan(score) & ~np.isnan(truth)
            measures = quality.windows[name]
            assert measures.predictions == (~np.isnan(score)).sum()
            assert measures.labelled == known.sum()
            if known.sum() >= 100:
                says, is_true = score[known] >= 0.5, truth[known] == 1
                assert measures.precision == pytest.approx(is_true[says].mean())
                assert measures.recall == pytest.approx(says[is_true].mean())
                higher = score[known][is_true][:, None] > score[known][~is_true]
                assert measures.roc_auc == pytest.approx(higher.mean())
    at_once = found(runner_of(source, model), column)
    for name in ("7d", "30d"):
        assert at_once.windows[name] == quality.windows[name]


def test_a_slow_prometheus_is_asked_in_pieces_and_none_is_counted_twice() -> None:
    scores, truths = predicted(60, 700, 0.1)
    source = ModelSource(scores, truths)
    runner = runner_of(source)
    outcome = runner.run((ORIGIN + 1_439 * HOUR) / 1000)
    assert (outcome.is_behind, outcome.quality) == (True, None)
    quality = found(runner, 1_439)
    assert quality.windows["90d"].labelled == truths.size
    assert 0 < quality.windows["90d"].roc_auc_bound < 0.005


def test_more_truths_than_predictions_are_asked_for_in_pieces_too() -> None:
    scores, truths = predicted(60, 1_000, 0.1)
    scores[1:] = np.nan
    runner = runner_of(ModelSource(scores, truths))
    assert runner.run((ORIGIN + 1_439 * HOUR) / 1000).is_behind
    assert found(runner, 1_439).windows["90d"].labelled == scores.shape[1]


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "exporter.state.quality" / "m.npz"
    source = ModelSource(*predicted(40, 4, 0.1))
    found(runner_of(source, path=path), 900)
    source.asked.clear()
    restarted = runner_of(source, path=path)
    quality = found(restarted, 905)
    assert {start for _, start, _ in source.asked} == {ORIGIN + 901 * HOUR}
    assert quality.windows["30d"] == found(runner_of(source), 905).windows["30d"]
    reloaded = runner_of(source, model_of(", baseline_f1: 0.8"), path)
    reloaded.succeed(restarted)
    source.asked.clear()
    compared = found(reloaded, 905).degradation
    assert source.asked == []
    assert compared is not None
    assert (compared.kind, compared.reference) == ("configured", 0.8)


def test_another_version_begins_anew_and_is_compared_with_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    scores, truths = predicted(80, 10, 0.1)
    scores[:, 1_440:] = predicted(80, 10, 0.3, 2)[0][:, 1_440:]
    truths[:, 1_440:] = predicted(80, 10, 0.3, 2)[1][:, 1_440:]
    source = ModelSource(scores, truths)
    found(runner_of(source, path=path), 1_439)
    second = runner_of(source, model_of(version="2"), path)
    quality = found(second, 1_440 + 5 * 24)
    assert quality.windows["90d"].labelled == 10 * (5 * 24 + 1)
    assert (quality.version, quality.previous, quality.is_worse_than_before) == ("2", "1", True)
    assert quality.degradation is not None
    assert (quality.degradation.kind, quality.degradation.severity) == ("previous_version", 3)
    other = found(runner_of(source, model_of(version="3", expr="score + 0"), path), 1_440 + 24)
    assert other.windows["90d"].labelled == 10 * (61 * 24 + 1)


def test_a_clock_set_back_counts_nothing_twice() -> None:
    source = ModelSource(*predicted(40, 4, 0.1))
    runner = runner_of(source)
    found(runner, 900)
    source.asked.clear()
    found(runner, 500)
    assert {(start, end) for _, start, end in source.asked} == {
        (ORIGIN + 480 * HOUR, ORIGIN + 500 * HOUR)
    }
    quality = found(runner, 950)
    assert quality.windows["30d"] == found(runner_of(source), 950).windows["30d"]
    assert max(current(runner).known) == (ORIGIN + 950 * HOUR) // DAY


def test_a_failure_costs_nothing_but_the_look() -> None:
    source = ModelSource(*predicted(40, 4, 0.1))
    runner = runner_of(source)
    found(runner, 700)
    source.is_down = True
    with pytest.raises(QueryError):
        look(runner, 720)
    source.is_down = False
    assert found(runner, 720).windows["7d"] == found(runner_of(source), 720).windows["7d"]


def test_a_damaged_file_is_moved_aside_and_all_is_counted_again(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(b"nonsense" * 100)
    source = ModelSource(*predicted(40, 4, 0.1))
    assert found(runner_of(source, path=path), 900).windows["30d"].labelled > 0
    assert (tmp_path / "m.npz.corrupt").exists()
    source.asked.clear()
    found(runner_of(source, path=path), 900)
    assert source.asked == []
    path.write_bytes(b"nonsense" * 100)
    reader = ModelRunner(model_of(), source, path, lambda: 0.0, writes=False)
    with pytest.raises(StateCorrupt):
        look(reader, 900)


def test_a_file_of_a_newer_version_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    sealed(path, {"version": 2})
    content = path.read_bytes()
    with pytest.raises(StateTooNew):
        look(runner_of(ModelSource(*predicted(5, 4, 0.1)), path=path), 90)
    assert path.read_bytes() == content


def test_what_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    source = ModelSource(*predicted(5, 4, 0.1))
    runner = runner_of(source, path=tmp_path / "file" / "m.npz")
    failure = look(runner, 90).failure
    assert failure is not None
    assert failure.reason == "tallies"
    (tmp_path / "file").unlink()
    assert look(runner, 90).failure is None
    assert (tmp_path / "file" / "m.npz").exists()


def test_odd_truths_are_left_out_and_said_once() -> None:
    scores, truths = predicted(5, 4, 0.1)
    truths[0, 3:7] = 0.5
    runner = runner_of(ModelSource(scores, truths))
    outcome = look(runner, 90)
    assert isinstance(outcome.failure, ModelError)
    assert outcome.failure.reason == "labels"
    assert "truth of 4 predictions was neither 0 nor 1" in str(outcome.failure)
    assert look(runner, 95).failure is None
    assert merged(current(runner).known.values()).labelled == 4 * 96 - 4


def test_without_pairs_there_is_nothing_to_say() -> None:
    scores, truths = predicted(40, 4, 0.1)
    source = ModelSource(scores, truths, label='{"__name__":"truth","other":"%d"}')
    quality = found(runner_of(source), 900)
    seen = 4 * (900 % 24 + 1 + 6 * 24)
    assert (quality.windows["7d"].predictions, quality.windows["7d"].labelled) == (seen, 0)
    assert quality.degradation is None
    nothing = ModelSource(np.empty((0, 10)), np.empty((0, 10)))
    assert found(runner_of(nothing), 900).windows["7d"].predictions == 0


def test_it_ends_when_told_to() -> None:
    runner = runner_of(ModelSource(*predicted(5, 4, 0.1)))
    runner.stopping.set()
    with pytest.raises(Stopped):
        look(runner, 90)
