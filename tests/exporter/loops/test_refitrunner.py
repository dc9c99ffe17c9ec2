"""The life of one query's model, on a source in memory."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from exporter.adapters.versionfiles import VersionFolder
from exporter.config import QueryConfig, parse_config
from exporter.core.pieces import Stopped
from exporter.core.published import GAUGES
from exporter.core.series import Floats, SeriesBatch
from exporter.errors import QueryError, StateCorrupt, StateError
from exporter.lifecycle.feedback import END, START
from exporter.loops.refitrunner import Change, RefitRunner
from exporter.loops.runner import QueryRunner
from tests.exporter.arraysource import STEP, ArraySource

SECONDS = STEP / 1000
TAIL = 240
"""Columns, an hour."""

FIRST = 2_000
"""Column of the first evaluation; the challenger's history is 1,440 columns."""

Verdict = tuple[str, str, int, int, str]
"""Name, verdict, first and last column, row."""


class Verdicts(ArraySource):
    """Also answers what people have said."""

    def __init__(self, values: Floats, verdicts: tuple[Verdict, ...] = ()) -> None:
        super().__init__(values)
        self.verdicts = verdicts

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        if START in expr or END in expr:
            assert '{query="q"}' in expr
            keys, instants = [], []
            for name, verdict, first, last, row in self.verdicts:
                labels = {"query": "q", "incident": name, "verdict": verdict, "row": row}
                keys.append(json.dumps({**labels, "instance": "webhook:9854"}).encode())
                instants.append([(first if START in expr else last) * SECONDS])
            values = np.array(instants, dtype=np.float64).reshape(-1, 1)
            return SeriesBatch(tuple(keys), np.array([end]), values, step)
        return super().fetch(expr, start, end, step, timeout)


class Stage:
    """A query that is evaluated now and then, and its model."""

    def __init__(
        self, values: Floats, folder: Path, more: str = "", verdicts: tuple[Verdict, ...] = ()
    ) -> None:
        self.source = Verdicts(values, verdicts)
        self.query = query_of(more)
        assert self.query.models is not None
        self.folder = VersionFolder(folder)
        self.evaluated = QueryRunner(
            self.query, self.source, None, lambda phase, seconds: None, lambda: 0.0
        )
        self.runner = RefitRunner(
            self.query,
            self.query.models,
            self.evaluated,
            self.folder,
            self.source,
            lambda: 0.0,
        )

    def evaluate(self, column: int) -> dict[str, Floats]:
        while (outcome := self.evaluated.run(column * SECONDS)).is_behind:
            pass
        return dict(outcome.published.gauges)

    def look(self, column: int, drift: dict[str, int] | None = None) -> None:
        self.evaluate(column)
        self.runner.look(column * SECONDS, drift)

    def refit(self, column: int, drift: dict[str, int] | None = None) -> Change:
        return self.runner.refit(column * SECONDS, "schedule", drift)


def query_of(more: str = "") -> QueryConfig:
    text = (
        "queries: [{name: q, expr: up, offset: 0, lookback: 6h, range: [null, 1000], "
        f"models: {{tail: 1h, refit: 2h, history: 1h{more}}}}}]"
    )
    (query,) = parse_config(text, "c.yml").all_queries()
    return query


def steady(seed: int = 5, columns: int = 4_000) -> Floats:
    values: Floats = np.random.default_rng(seed).normal(10.0, 1.0, (3, columns))
    return values


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(steady(), tmp_path / "q")


def promoted(stage: Stage) -> Change:
    """Bring version 2 in force, at column 2,500."""
    stage.look(FIRST)
    stage.look(FIRST + TAIL)
    stage.evaluate(2_500)
    return stage.refit(2_500, {"none": 3})


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
    with pytest.raises(ValueError, match=r"has no version before 1 to go back to; others .*: 2"):
        stage.runner.ways_back(None)
    assert stage.runner.roll_back(2_800 * SECONDS, stage.runner.ways_back(2)).manifest.number == 2


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


def spiked(stage: Stage, *columns: int) -> None:
    for column in columns:
        stage.source.values[1, column : column + 4] = 2_000.0  # out of range: an anomaly to all


def test_what_people_said_is_asked_of_both(tmp_path: Path) -> None:
    """The challenger sees incidents in its history, too; the champion has its verdicts there."""
    verdicts = (
        ("a", "confirmed", 1_500, 1_504, "1"),
        ("b", "missed", 2_100, 2_104, "1"),
        ("c", "false_alarm", 1_700, 1_704, "1"),
        ("d", "false_alarm", 2_200, 2_204, "2"),
        ("e", "maintenance", 2_300, 2_304, "1"),
        ("f", "confirmed", 10, 14, "1"),  # before all that the challenger has seen
    )
    stage = Stage(steady(), tmp_path, verdicts=verdicts)
    spiked(stage, 1_500, 2_100, 2_300)
    fit = promoted(stage).manifest
    assert fit.quality is not None
    assert fit.champion is not None
    for quality in (fit.quality, fit.champion):
        assert (quality.incidents, quality.incidents_caught) == (2, 2)
        assert quality.false_alarms == 2
        assert quality.alarms_per_series_day == 0.0, "what is known is no false alarm"
    assert (fit.quality.false_alarms_repeated, fit.champion.false_alarms_repeated) == (0, 1)
    assert fit.decision == "promoted"


def test_an_incident_that_it_would_not_see_speaks_against_it(tmp_path: Path) -> None:
    verdicts = (("a", "confirmed", 1_500, 1_504, "1"),)
    stage = Stage(steady(), tmp_path, verdicts=verdicts)  # whose values are as always
    fit = promoted(stage).manifest
    assert (fit.decision, fit.worse) == ("refused", ("incidents_caught",))
    stage.source.verdicts = ()
    assert stage.refit(2_500).manifest.decision == "promoted"


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
