"""When a challenger is due, and why."""

import math

import pytest

from exporter.lifecycle.due import Cadence, DriftStreak, reason_due, seconds_until_due
from exporter.lifecycle.versions import Life

CADENCE = Cadence(refit=100.0, drift=30.0, tail=5.0)
LIFE = Life(champion=1, tried=1000.0, drifted=990.0)


@pytest.mark.parametrize(
    ("now", "is_asked", "has_drifted", "held_until", "expected"),
    [
        (1099, False, False, 0, None),
        (1100, False, False, 0, "schedule"),
        (1100, False, True, 0, "drift"),
        (1019, False, True, 0, None),
        (1020, False, True, 0, "drift"),
        (1001, True, True, 0, "command"),
        (1200, False, True, 1201, None),
        (1200, True, False, 1201, "command"),
        (1201, False, False, 1201, "schedule"),
    ],
)
def test_reasons(
    now: float, is_asked: bool, has_drifted: bool, held_until: float, expected: str | None
) -> None:
    life = Life(champion=1, tried=1000.0, drifted=990.0, held_until=held_until)
    reason = reason_due(life, CADENCE, now, is_asked=is_asked, has_drifted=has_drifted)
    assert reason == expected


def test_never_is_never() -> None:
    never = Cadence(refit=None, drift=None, tail=5.0)
    assert reason_due(LIFE, never, 1e12, is_asked=False, has_drifted=True) is None
    assert seconds_until_due(LIFE, never, 1e9, has_drifted=True) == math.inf
    assert never.hold == 5.0
    assert CADENCE.hold == 100.0
    assert Cadence(refit=None, drift=30.0, tail=5.0).hold == 30.0


def test_it_is_known_when_the_next_one_is_due() -> None:
    assert seconds_until_due(LIFE, CADENCE, 1010.0, has_drifted=False) == 90.0
    assert seconds_until_due(LIFE, CADENCE, 1010.0, has_drifted=True) == 10.0
    held = Life(champion=1, tried=1000.0, held_until=1500.0)
    assert seconds_until_due(held, CADENCE, 1010.0, has_drifted=True) == 490.0


def test_drift_counts_once_two_checks_in_a_row_find_most_series() -> None:
    streak = DriftStreak()
    most = {"none": 1, "moderate": 1, "high": 2, "critical": 1}
    half = {"none": 2, "moderate": 0, "high": 1, "critical": 1}
    found = []
    for counts in (most, half, most, most, most, {}):
        streak.note(counts)
        found.append(streak.has_drifted)
    assert found == [False, False, False, True, True, False]
    streak.note(most)
    streak.note(most)
    streak.clear()
    assert not streak.has_drifted
    assert streak.counts == most
