"""Where does the run begin that led to an alert, and when is an incident known in full?"""

import math
import random
from collections.abc import Sequence

import pytest

from webhook.core.observation import complete_from, is_outside, onset_of


@pytest.mark.parametrize(
    ("outside", "onset"),
    [
        ([], None),
        ([400, 415, 430], 400),
        # A sample within is bridged, two minutes are not.
        ([100, 220, 310, 400], 220),
        ([100, 190, 280, 370], 100),
        # What came after the alert did not lead to it; nor did what was over before.
        ([445, 460, 475], 445),
        ([470], None),
        ([0, 140], None),
        ([150], 150),
        ([149], None),
    ],
)
def test_the_run_that_led_to_an_alert(outside: list[float], onset: float | None) -> None:
    assert onset_of(outside, 450.0) == onset


def by_the_book(outside: Sequence[float], alerted_at: float) -> float | None:
    """Walk back second by second."""
    known, onset, quiet = set(outside), None, 0.0
    at = alerted_at
    while quiet <= (300 if onset is None else 90) and at >= 0:
        if at in known:
            onset, quiet = at, 0.0
        at -= 1
        quiet += 1
    return onset


def test_runs_agree_with_the_book() -> None:
    rng = random.Random(3)
    seen = set()
    for _ in range(300):
        outside = sorted(rng.sample(range(0, 3000, 15), rng.choice([0, 2, 20, 80])))
        expected = by_the_book(outside, 2500)
        assert onset_of([float(at) for at in outside], 2500.0) == expected
        seen.add(expected)
    assert len(seen) > 20


@pytest.mark.parametrize(
    ("value", "score", "expected"),
    [
        (5.0, 0.1, False),
        (11.0, 0.1, True),
        (-1.0, 0.1, True),
        (5.0, 0.6, True),
        (math.nan, math.nan, False),
    ],
)
def test_what_is_anomalous(value: float, score: float, expected: bool) -> None:
    assert is_outside(value, 0.0, 10.0, score, 0.6) is expected
    # A series without a band, or without a threshold, has what it has.
    assert is_outside(value, math.nan, math.nan, score, 0.6) is (score == 0.6)


def test_the_last_look() -> None:
    assert complete_from(1000.0, 1300.0) == 2200.0
    assert complete_from(1000.0, None) == complete_from(1000.0, 1e6) == 87_400.0
