"""What would have become of known cases, by hand."""

from dataclasses import replace

import pytest

from webhook.core.quality import DAY, Case, Said
from webhook.core.shadow import (
    Alarms,
    Compared,
    Variant,
    advice,
    alarms_in,
    compared,
    threshold_under,
)

NOW = 1_800_000_000.0
CAREFUL, KEEN, SAME = Variant("careful", 1.2), Variant("keen", 0.8), Variant("in_force", 1.0)


def case(said: Said, peak: float | None, at: float = NOW - DAY) -> Case:
    return Case(at, said, None, peak, 0.6)


CASES = [
    *(case("confirmed", peak) for peak in (0.9, 0.95, 1.0, 0.72)),
    case("confirmed", 0.7),
    *(case("false_alarm", 0.65) for _ in range(3)),
    case("false_alarm", 0.8),
    case("neither", 0.65),
    case("neither", 0.9),
    case("missed", 0.5),
    case("missed", 0.3),
    # The threshold was reached, so something else kept the alert away.
    case("missed", 0.9),
    case("confirmed", None),
    case("confirmed", 0.9, NOW - 8 * DAY),
]


def one(variant: Variant, window: str = "7d", alarms: Alarms | None = None) -> Compared:
    return compared("cpu", variant, window, CASES, alarms or Alarms(), NOW)


def counts(found: Compared) -> tuple[int, ...]:
    return (
        *(found.kept, found.lost, found.false_kept, found.false_spared, found.neither_kept),
        *(found.found, found.missed, found.unknown),
    )


def test_the_fate_of_each_case() -> None:
    assert counts(one(SAME)) == (5, 0, 4, 0, 2, 0, 3, 1)
    assert counts(one(CAREFUL)) == (4, 1, 1, 3, 1, 0, 3, 1)
    assert counts(one(KEEN)) == (5, 0, 4, 0, 2, 1, 2, 1)
    assert one(SAME, "30d").kept == 6


def test_the_numbers_are_those_of_the_counts() -> None:
    careful = one(CAREFUL)
    assert careful.precision.value == 4 / 5
    assert careful.recall.value == 4 / 8
    assert careful.f1 == pytest.approx(2 * 0.8 * 0.5 / 1.3)
    assert one(SAME).precision.value == 5 / 9
    few = compared("cpu", CAREFUL, "7d", CASES[:3], Alarms(), NOW)
    assert (few.precision.value, few.recall.value, few.f1) == (None, None, None)


def test_alarms_that_nobody_judged_are_no_false_ones() -> None:
    found = one(CAREFUL, alarms=Alarms(16, 7.0))
    assert found.unjudged == 16 - 4 - 1 - 1
    assert found.alarms_per_day == 16 / 7
    assert found.precision == one(CAREFUL).precision
    assert one(CAREFUL, alarms=Alarms(2, 0.9)).alarms_per_day is None
    assert one(CAREFUL, alarms=Alarms(2, 1.0)).unjudged == 0


@pytest.mark.parametrize(
    ("threshold", "ratio", "moved"),
    [(0.6, 1.2, 0.72), (0.9, 1.5, 1.0), (0.5, 0.5, 0.3), (0.2, 0.5, 0.2), (0.2, 1.5, 0.3)],
)
def test_a_threshold_stays_within_bounds(threshold: float, ratio: float, moved: float) -> None:
    assert threshold_under(threshold, ratio) == moved


def samples(*seconds: float, score: float = 0.7) -> list[tuple[float, float]]:
    return [(at, score) for at in seconds]


@pytest.mark.parametrize(
    ("reached", "count"),
    [
        ([], 0),
        (samples(100), 0),  # a single odd sample tells nobody
        (samples(100, score=0.9), 1),  # but for the worst
        (samples(100, 115), 1),
        (samples(100, 115, 205, 220), 1),  # a pause of 90 s
        (samples(100, 115, 206, 221), 2),
        (samples(100, 300), 1),  # the second within five minutes of the first
        (samples(100, 401), 0),
        (samples(-15, 0, 15), 0),  # began before
        (samples(990, 1005, 1020), 1),
        (samples(1000, 1015), 0),  # the next stretch counts it
    ],
)
def test_alarms_as_the_rules_raise_them(reached: list[tuple[float, float]], count: int) -> None:
    assert alarms_in(reached, 0.0, 1000.0) == count


def test_alarms_are_counted_once_wherever_a_stretch_ends() -> None:
    reached = samples(*range(0, 60, 15), *range(400, 460, 15), 900, 1400, 1415, 1600)
    whole = alarms_in(reached, 0, 2000)
    for cut in range(0, 2000, 25):
        parts = [
            alarms_in([each for each in reached if low - 600 <= each[0] < high], low, high)
            for low, high in ((0, cut), (cut, 2000))
        ]
        assert whole - sum(parts) in (0, 1), cut  # one whose second sample is beyond the cut
    assert whole == 4


def test_advice_is_a_sentence() -> None:
    same = one(SAME, alarms=Alarms(21, 7.0))
    careful, keen = one(CAREFUL, alarms=Alarms(9, 7.0)), one(KEEN, alarms=Alarms(35, 7.0))
    assert advice(careful, same) == (
        "careful would have spared 3 of 4 false alarms, lost 1 of 5 real ones and raised "
        "1.3 alarms a day instead of 3"
    )
    assert advice(keen, same) == (
        "keen would have found 1 of 3 missed ones and raised 5 alarms a day instead of 3; "
        "nobody has judged 13 of them"
    )
    nothing = replace(careful, kept=0, lost=0, false_kept=0, false_spared=0, alarms=Alarms())
    assert advice(nothing, same) == ""
    single = replace(nothing, false_spared=1, kept=1)
    assert advice(single, same) == (
        "careful would have spared 1 of 1 false alarm and lost 0 of 1 real one"
    )
