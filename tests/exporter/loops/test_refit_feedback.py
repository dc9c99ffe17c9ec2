"""What people have said decides, too: in the tail, and in the challenger's history."""

from pathlib import Path

from tests.exporter.loops.refitstage import Stage, promoted, steady


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
