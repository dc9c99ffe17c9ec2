"""A drop of F1 has a severity once it is more than chance, of cases and of days."""

import random

import pytest

from webhook.core.degradation import degradation_of
from webhook.core.quality import DAY, Case, Said

NOW = 1_800_000_000.0


def spread(said: Said, count: int, first_day: float, days: float) -> list[Case]:
    """Return cases, evenly from so many days ago on."""
    return [Case(NOW - (first_day - days * i / count) * DAY, said) for i in range(count)]


def before(right: int, wrong: int) -> list[Case]:
    return spread("confirmed", right, 89, 58) + spread("false_alarm", wrong, 89, 58)


def now(right: int, wrong: int) -> list[Case]:
    return spread("confirmed", right, 29, 28) + spread("missed", wrong, 29, 28)


@pytest.mark.parametrize(
    ("right", "wrong", "severity"),
    [
        (9000, 1000, 0),
        (8700, 1300, 0),
        (8440, 1560, 1),
        (8250, 1750, 1),
        (8100, 1900, 2),
        (7200, 2800, 3),
    ],
)
def test_cuts_are_those_of_models(right: int, wrong: int, severity: int) -> None:
    found = degradation_of(before(18000, 2000) + now(right, wrong), NOW)
    assert found is not None
    reference, f1 = 2 * 18 / (2 * 18 + 2), 2 * right / (2 * right + wrong)
    assert [found.reference, found.f1] == pytest.approx([reference, f1])
    assert found.drop == pytest.approx((reference - f1) / reference)
    assert found.severity == severity


def test_chance_is_no_degradation() -> None:
    # Of 20 incidents two more were false alarms: half a dozen per cent, and nothing certain.
    few = degradation_of(before(36, 4) + now(16, 4), NOW)
    assert few is not None
    assert few.drop > 0.05
    assert few.severity == 0
    many = degradation_of(before(3600, 400) + now(1600, 400), NOW)
    assert many is not None
    assert many.drop == pytest.approx(few.drop)
    assert many.severity == 2


def test_false_alarms_of_one_bad_day_are_one_reason() -> None:
    good = before(600, 0) + now(200, 0)
    burst = spread("false_alarm", 60, 10, 0.01)
    one_day = degradation_of(good + burst, NOW)
    many_days = degradation_of(good + spread("false_alarm", 60, 29, 28), NOW)
    assert one_day is not None
    assert many_days is not None
    assert one_day.drop == pytest.approx(many_days.drop)
    assert (one_day.severity, many_days.severity) == (0, 3)


@pytest.mark.parametrize(
    "cases",
    [
        [],
        before(30, 0) + now(19, 0),
        before(10, 9) + now(30, 0),
        before(30, 0) + spread("confirmed", 30, 5, 1),
        before(0, 30) + now(30, 0),
        [*before(30, 0), *spread("neither", 30, 29, 28)],
    ],
    ids=["none", "few now", "few before", "one day", "nothing was right", "no verdict on either"],
)
def test_of_too_little_nothing_is_said(cases: list[Case]) -> None:
    assert degradation_of(cases, NOW) is None


def test_nothing_right_any_more_is_severe() -> None:
    found = degradation_of(before(40, 4) + now(0, 30), NOW)
    assert found is not None
    assert (found.f1, found.drop, found.severity) == (0.0, 1.0, 3)


def test_by_chance_alone_few_are_told_of() -> None:
    rng = random.Random(7)
    severe = 0
    for _ in range(300):
        cases = [
            Case(
                NOW - rng.uniform(0, 90) * DAY, "confirmed" if rng.random() < 0.8 else "false_alarm"
            )
            for _ in range(120)
        ]
        found = degradation_of(cases, NOW)
        assert found is not None
        severe += found.severity > 0
    assert severe / 300 < 0.04
