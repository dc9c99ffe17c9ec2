"""Which challengers are promoted? A table."""

from dataclasses import replace
from typing import Any

import pytest

from exporter.lifecycle.decision import TOLERANCES, worse_in
from exporter.lifecycle.quality import Quality

CHAMPION = Quality(
    samples=10_000,
    series_days=2.0,
    judged_ratio=0.9,
    alarms_per_series_day=2.0,
    anomalous_ratio=0.02,
    band_error_ratio=1.0,
    band_width_ratio=4.0,
    band_coverage_ratio=0.98,
    incidents=4,
    incidents_caught=3,
    false_alarms=4,
    false_alarms_repeated=2,
)


@pytest.mark.parametrize(
    ("measure", "passes", "fails"),
    [
        ("judged_ratio", 0.891, 0.889),
        ("alarms_per_series_day", 2.69, 2.71),  # a tenth, and one alarm in the two days
        ("anomalous_ratio", 0.0349, 0.0351),
        ("band_error_ratio", 1.059, 1.061),
        ("band_width_ratio", 5.0, 5.02),
        ("band_coverage_ratio", 0.971, 0.969),
        ("incidents_caught", 3, 2),
        ("false_alarms_repeated", 2, 3),
    ],
)
def test_a_challenger_may_be_a_little_worse(measure: str, passes: float, fails: float) -> None:
    for value, worse in ((passes, ()), (fails, (measure,))):
        changes: dict[str, Any] = {measure: value}
        assert worse_in(replace(CHAMPION, **changes), CHAMPION) == worse


def test_all_that_is_worse_is_named() -> None:
    bad = replace(CHAMPION, judged_ratio=0.1, alarms_per_series_day=90.0, incidents_caught=0)
    assert worse_in(bad, CHAMPION) == (
        "judged_ratio",
        "alarms_per_series_day",
        "incidents_caught",
    )
    assert worse_in(CHAMPION, bad) == ()


def test_what_the_champion_could_not_tell_is_no_measure_and_the_other_way_round() -> None:
    unbanded = replace(CHAMPION, band_error_ratio=None)
    assert worse_in(CHAMPION, unbanded) == ()
    assert worse_in(unbanded, CHAMPION) == ("band_error_ratio",)


def test_nobody_is_promoted_without_having_judged_anything() -> None:
    nothing = Quality(
        samples=0,
        series_days=0.0,
        judged_ratio=None,
        alarms_per_series_day=None,
        anomalous_ratio=None,
    )
    assert worse_in(nothing, nothing) == ("nothing_judged",)
    assert worse_in(replace(CHAMPION, false_alarms_repeated=0), nothing) == ()


def test_every_measure_is_one_of_quality() -> None:
    assert TOLERANCES.keys() <= set(Quality.__dataclass_fields__)
