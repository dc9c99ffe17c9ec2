"""The life of one query's model, on a source in memory."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from exporter.core.pieces import Stopped
from exporter.core.published import GAUGES
from exporter.core.series import Floats
from exporter.errors import QueryError, StateCorrupt, StateError
from tests.exporter.arraysource import STEP
from tests.exporter.loops.refitstage import FIRST, SECONDS, TAIL, Stage, promoted, steady


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(steady(), tmp_path / "q")


def test_the_first_look_back_is_a_version_and_a_tail_has_to_come(stage: Stage) -> None:
    stage.runner.look(0.0, None)
    assert stage.runner.life.champion == 0
    stage.look(FIRST, {"none": 3})
    (first,) = stage.runner.life.manifests
    assert (first.number, first.reason, first.decision) == (1, "first run", "first")
    assert (first.first, first.last) == ((FIRST - 1_440) * STEP, FIRST * STEP)
    assert (first.columns, first.series, first.samples, first.quality) == (1_441, 3, None, None)
    assert first.drift == {"none": 3}
    assert first.parameters["detectors"][0]["kind"] == "forecast_error"
    assert stage.evaluated.state.model == 1
    assert stage.runner.pause(FIRST * SECONDS, has_drifted=False) == 3_600.0
    stage.look(FIRST + TAIL - 1)
    assert not stage.runner.has_tail
    assert stage.runner.due(1e9, is_asked=True, has_drifted=True) is None
    stage.look(FIRST + TAIL)
    assert stage.runner.has_tail
    assert stage.folder.life() == stage.runner.life
    now = (FIRST + TAIL) * SECONDS
    assert stage.runner.due(now, is_asked=False, has_drifted=False) is None
    assert stage.runner.pause(now, has_drifted=False) == 3_600.0
    assert stage.runner.due(now + 3_600.0, is_asked=False, has_drifted=False) == "schedule"


def test_a_good_challenger_is_promoted(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    change = promoted(stage)
    fit = change.manifest
    assert (fit.number, fit.decision, fit.beside, fit.worse) == (2, "promoted", 1, ())
    assert change.unsaved is None
    assert (fit.first, fit.last, fit.until) == ((FIRST - 1_439) * STEP, FIRST * STEP, 2_500 * STEP)
    assert (fit.columns, fit.series, fit.samples) == (1_440, 3, 3 * 1_440)
    assert fit.quality is not None
    assert fit.champion is not None
    assert fit.quality.samples == fit.champion.samples == 3 * 500
    assert fit.quality.series_days == pytest.approx(3 * 500 * SECONDS / 86_400)
    assert fit.quality.judged_ratio == 1.0
    assert fit.quality.band_error_ratio == pytest.approx(0.8, abs=0.15)
    assert fit.quality.band_coverage_ratio == 1.0
    assert fit.drift == {"none": 3}
    life = stage.runner.life
    assert (life.champion, life.tried) == (2, 2_500 * SECONDS)
    first = life.manifest(1)
    assert first is not None
    assert first.quality == fit.champion, "known since the first tail"
    assert stage.evaluated.state.model == 2
    (said,) = (one for one in caplog.records if one.message == "promoted a challenger")
    assert " beside " in vars(said)["band_error_ratio"]
    stage.evaluate(2_600)
    assert stage.evaluated.state.model == 2
    names = sorted(path.name for path in stage.folder.path.iterdir())
    assert names == ["1.npz", "2.npz", "life.npz"]


@pytest.mark.parametrize(
    ("spoil", "reasons"),
    [
        (lambda past: past * 30.0, {"band_error_ratio", "band_width_ratio"}),
        (lambda past: past * np.nan, {"judged_ratio"}),
        (lambda past: past * 0.0 + 10.0, {"alarms_per_series_day"}),
    ],
    ids=["noise", "nothing", "silence"],
)
def test_a_challenger_with_a_spoilt_history_is_refused(
    stage: Stage, spoil: Callable[[Floats], Floats], reasons: set[str]
) -> None:
    stage.look(FIRST)
    stage.look(FIRST + TAIL)
    stage.evaluate(2_500)
    stage.source.values[:, : FIRST + 1] = spoil(stage.source.values[:, : FIRST + 1])
    before = stage.evaluated.state
    fit = stage.refit(2_500).manifest
    assert fit.decision == "refused"
    assert reasons <= set(fit.worse), fit
    assert stage.evaluated.state is before
    assert stage.runner.life.refusals == 1
    assert stage.folder.life() == stage.runner.life
    assert sorted(path.name for path in stage.folder.path.iterdir()) == [
        "1.before.npz",
        "1.npz",
        "life.npz",
    ]


def test_a_roll_back_is_as_if_there_had_been_no_promotion(stage: Stage, tmp_path: Path) -> None:
    other = Stage(stage.source.values, tmp_path / "other")
    other.evaluate(FIRST)
    promoted(stage)
    stage.source.values[:, FIRST - 1_440 : FIRST] *= 1.5  # no longer what the first one learned
    stage.evaluate(2_700)
    assert stage.runner.ways_back(None) == (1,)
    change = stage.runner.roll_back(2_700 * SECONDS, stage.runner.ways_back(None))
    assert change.manifest.number == 1
    life = stage.folder.life()
    assert (life.champion, life.held_until) == (1, 2_700 * SECONDS + 7_200.0)
    for column in (2_500, 2_700, 2_701, 2_800):
        expected = other.evaluate(column)
    found = stage.evaluate(2_800)
    assert stage.evaluated.state.model == 1
    for name in GAUGES:
        np.testing.assert_array_equal(found[name], expected[name], name)
    stage.look(2_800)
    assert stage.runner.due(2_800 * SECONDS, is_asked=False, has_drifted=True) is None
    with pytest.raises(ValueError, match=r"has no version before 1 to go back to; name .*: 2"):
        stage.runner.ways_back(None)
    assert stage.runner.roll_back(2_800 * SECONDS, stage.runner.ways_back(2)).manifest.number == 2


def test_one_step_back_leads_to_what_was_in_force_before_not_to_what_was_taken_back(
    stage: Stage,
) -> None:
    promoted(stage)
    stage.runner.roll_back(2_500 * SECONDS, stage.runner.ways_back(None))
    stage.look(2_600)
    stage.look(2_600 + TAIL)
    stage.evaluate(2_900)
    assert stage.refit(2_900).manifest.number == 3
    assert stage.runner.ways_back(None) == (1, 2)


def test_a_version_that_cannot_be_gone_back_to_is_named(stage: Stage) -> None:
    promoted(stage)
    with pytest.raises(ValueError, match="version 2 of q, which is in force; allowed: 1"):
        stage.runner.ways_back(2)
    with pytest.raises(ValueError, match="version 9 of q, which is not kept; allowed: 1"):
        stage.runner.ways_back(9)
    stage.evaluate(2_500 + 1_441)
    with pytest.raises(ValueError, match=r"other settings of the query, or has learned nothing"):
        stage.runner.ways_back(1)


def test_a_damaged_version_is_passed_over(stage: Stage) -> None:
    promoted(stage)
    for column in (2_500 + TAIL, 2_500 + 2 * TAIL):
        stage.look(column)
    assert stage.refit(2_500 + 2 * TAIL).manifest.number == 3
    assert stage.runner.ways_back(None) == (2, 1)
    stage.folder.file(2).write_bytes(b"nonsense" * 100)
    change = stage.runner.roll_back(2_990 * SECONDS, (2, 1))
    assert change.manifest.number == 1
    stage.folder.file(3).write_bytes(b"nonsense" * 100)
    with pytest.raises(StateCorrupt, match="no version of q can be read"):
        stage.runner.roll_back(2_990 * SECONDS, (3,))
    assert stage.evaluated.state.model == 1


def test_the_last_versions_are_kept(tmp_path: Path) -> None:
    stage = Stage(steady(columns=6_000), tmp_path, ", keep: 2")
    stage.look(FIRST)
    for turn in range(1, 5):
        stage.look(FIRST + (2 * turn - 1) * TAIL)
        stage.look(FIRST + 2 * turn * TAIL)
        assert stage.refit(FIRST + 2 * turn * TAIL).manifest.decision == "promoted"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["4.npz", "5.npz", "life.npz"]
    assert [one.number for one in stage.runner.life.manifests] == [1, 2, 3, 4, 5]
    assert stage.runner.ways_back(None) == (4,)


def test_a_cold_start_is_another_first_version(stage: Stage) -> None:
    promoted(stage)
    stage.look(2_500 + 1_442 + 5_760)  # longer than what anybody remembers
    manifests = stage.runner.life.manifests
    assert [(one.number, one.reason) for one in manifests][-1] == (3, "first run")
    assert stage.evaluated.state.model == 3


def test_a_failure_leaves_the_champion_alone(stage: Stage) -> None:
    stage.look(FIRST)
    stage.look(FIRST + TAIL)
    stage.source.is_down = True
    with pytest.raises(QueryError):
        stage.refit(FIRST + TAIL)
    stage.source.is_down = False
    stage.runner.interrupted.set()
    with pytest.raises(Stopped):
        stage.refit(FIRST + TAIL)
    stage.runner.interrupted.clear()
    stage.folder.file(1, before=True).write_bytes(b"nonsense" * 100)
    with pytest.raises(StateCorrupt, match="not known what version 1 of q was like"):
        stage.refit(FIRST + TAIL)
    assert not stage.runner.has_tail
    assert stage.runner.life.champion == stage.evaluated.state.model == 1
    stage.look(FIRST + 2 * TAIL)
    assert stage.runner.has_tail
    assert stage.refit(FIRST + 2 * TAIL).manifest.decision == "promoted"


def test_a_retired_version_that_cannot_be_written_is_told_of(stage: Stage) -> None:
    stage.look(FIRST)
    stage.look(FIRST + TAIL)
    stage.folder.file(1).unlink()
    stage.folder.file(1).mkdir()
    change = stage.refit(FIRST + TAIL)
    assert change.manifest.decision == "promoted"
    assert isinstance(change.unsaved, StateError)
    assert stage.evaluated.state.model == 2


def test_a_query_that_began_anew_meanwhile_is_left_alone(stage: Stage) -> None:
    stage.look(FIRST)
    stage.look(FIRST + TAIL)
    later = 2_500 + 1_442 + 5_760

    def begin_anew() -> None:
        stage.evaluate(later)

    stage.source.meanwhile.append(begin_anew)
    with pytest.raises(StateError, match="began anew meanwhile"):
        stage.refit(FIRST + TAIL)
    assert stage.evaluated.state.model == 0
    stage.look(later)
    assert stage.evaluated.state.model == 3
