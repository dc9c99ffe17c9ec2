"""When has a model become worse, compared with what, and what is to be done?"""

from dataclasses import replace

import numpy as np
import pytest

from exporter.modelwatch.advice import TABLE, Action, Signs, advice_of, signs_of
from exporter.modelwatch.day import DAY, Day
from exporter.modelwatch.degradation import compared, quality_of
from exporter.modelwatch.history import History, Tally, taken_up
from exporter.modelwatch.measures import Measures

NONE = np.empty(0, dtype=np.int64)


def day(wrong: int, each: int = 100) -> Day:
    """Return a day of which so many of each hundred truths of 1 were missed: F1 follows."""
    missed = wrong * each // 100
    confusion = np.array([each - missed, missed, missed, each], dtype=np.int64)
    return Day(int(confusion.sum()), confusion, np.empty(0), NONE, NONE)


def tally(days: dict[int, Day], version: str = "1") -> Tally:
    return Tally(version, "f", until=(max(days) + 1) * DAY - 1, days=days)


def steady(first: int, count: int, wrong: int) -> dict[int, Day]:
    return {number: day(wrong) for number in range(first, first + count)}


@pytest.mark.parametrize(
    ("wrong", "severity"), [(20, 0), (22, 0), (23, 1), (24, 2), (27, 2), (28, 3), (12, 0)]
)
def test_f1_beside_a_number(wrong: int, severity: int) -> None:
    # F1 is 1 - wrong / 100, its error with 700 truths at 0.76 about 0.012.
    found = compared([day(wrong)] * 7, 0.8, "configured")
    assert found is not None
    assert found.drop == pytest.approx((wrong - 20) / 80)
    assert found.severity == severity
    assert found.is_certain == (found.drop > 2 * found.error)


def test_a_drop_within_the_noise_is_none() -> None:
    few = [day(30, each=20)] * 7
    found = compared(few, 0.8, "configured")
    assert found is not None
    assert (round(found.drop, 3), found.severity, found.is_certain) == (0.125, 3, True)
    unsteady = [day(wrong, each=20) for wrong in (0, 80, 0, 80, 0, 50, 0)]
    found = compared(unsteady, 0.8, "configured")
    assert found is not None
    assert found.drop > 0.1
    assert (found.severity, found.is_certain) == (0, False)


def test_it_is_rare_that_a_model_which_did_not_change_is_called_worse() -> None:
    rng = np.random.default_rng(6)
    called = []
    for _ in range(400):
        sides = []
        for days in (30, 7):
            side = []
            for _ in range(days):
                caught = rng.binomial(40, 0.8)
                confusion = np.array([caught, rng.binomial(40, 0.2), 40 - caught, 40])
                side.append(Day(120, confusion, np.empty(0), NONE, NONE))
            sides.append(side)
        found = compared(sides[1], sides[0], "first_days")
        assert found is not None
        called.append(found.severity > 0)
    assert np.mean(called) < 0.05


def test_what_cannot_be_compared_is_none() -> None:
    assert compared([day(0, each=4)] * 7, 0.8, "configured") is None
    assert compared([day(0)] * 2, 0.8, "configured") is None
    assert compared([day(0)] * 7, [day(0, each=4)] * 7, "first_days") is None
    assert compared([day(0)] * 7, [day(100)] * 7, "first_days") is None


def test_the_reference_is_configured_or_ones_own_past_or_the_version_before() -> None:
    old = tally(steady(0, 60, 10), "1")
    young = tally(steady(60, 7, 20), "2")
    history = History((old, young))
    found = quality_of(history, None)
    assert (found.version, found.previous, found.is_worse_than_before) == ("2", "1", True)
    assert found.degradation is not None
    assert (found.degradation.kind, found.degradation.severity) == ("previous_version", 3)
    assert found.before is not None
    assert found.before.f1 == pytest.approx(0.9)
    assert found.before.labelled == 30 * 210
    configured = quality_of(history, 0.8).degradation
    assert configured is not None
    assert (configured.kind, configured.severity) == ("configured", 0)
    grown = history.with_current(tally(steady(60, 20, 20), "2"))
    own = quality_of(grown, None)
    assert own.degradation is not None
    assert (own.degradation.kind, own.degradation.severity) == ("first_days", 0)
    assert own.is_worse_than_before
    alone = quality_of(History((young,)), None)
    assert (alone.degradation, alone.previous, alone.before) == (None, None, None)
    better = quality_of(History((young, replace(old, version="3"))), None)
    assert not better.is_worse_than_before


def test_first_days_stay_and_others_go_after_ninety() -> None:
    kept = Tally("1", "f")
    for number in range(10, 210):
        kept = kept.plus((number + 1) * DAY - 1, [(number, day(20 if number < 200 else 40))])
    assert list(kept.known) == [*range(10, 40), *range(120, 210)]
    assert list(kept.first()) == [*range(10, 40)]
    assert list(kept.newest(7)) == [*range(203, 210)]
    found = quality_of(History((kept,)), None).degradation
    assert found is not None
    assert (found.kind, found.severity) == ("first_days", 3)
    assert found.drop == pytest.approx(0.25)


def test_a_clock_that_was_ahead_costs_no_day() -> None:
    kept = tally(steady(100, 95, 20))
    ahead = kept.plus(9_999 * DAY, [])
    assert ahead.known.keys() == kept.known.keys()
    assert ahead.newest(90) == {}
    back = ahead.back_to(195 * DAY + 5, 7)
    assert back.until == (195 * DAY - 1) // 7 * 7
    assert back.known.keys() == kept.known.keys()


def test_a_version_begins_anew_and_one_of_before_goes_on() -> None:
    first = taken_up(None, "1", "f").with_current(tally(steady(0, 5, 10)))
    assert taken_up(first, "1", "f") is first
    second = taken_up(first, "2", "f")
    assert [one.version for one in second.versions] == ["1", "2"]
    assert second.current.since == second.current.until == first.current.until
    assert second.current.back_to(DAY, 7).until == first.current.until
    other = taken_up(first, "2", "g")
    assert other.current.until < 0
    back = taken_up(second, "1", "f")
    assert [one.version for one in back.versions] == ["2", "1"]
    assert back.current.known == first.current.known
    assert back.current.since == first.current.until
    changed = taken_up(first, "1", "g")
    assert [(one.version, one.known) for one in changed.versions] == [("1", {})]
    many = first
    for number in range(2, 9):
        many = taken_up(many, str(number), "f")
    assert [one.version for one in many.versions] == ["4", "5", "6", "7", "8"]


@pytest.mark.parametrize(
    ("signs", "action"),
    [
        (Signs(2, is_since_change=True), "roll back"),
        (Signs(3, is_since_change=True, drifted=4), "roll back"),
        (Signs(2, is_worse_than_before=True), "roll back"),
        (Signs(2, is_worse_than_before=True, drifted=1), "retrain"),
        (Signs(2, drifted=1), "retrain"),
        (Signs(3), "retrain"),
        (Signs(1, is_since_change=True), "watch"),
        (Signs(1, drifted=9), "watch"),
        (Signs(0, drifted=1), "watch"),
        (Signs(0, is_prediction_drifting=True), "watch"),
        (Signs(None, drifted=1), "watch"),
        (Signs(None, is_any_drift_known=False), "wait"),
        (Signs(None, has_failed=True), "wait"),
        (Signs(None, drifted=1, has_failed=True), "watch"),
        (Signs(None), "nothing to do"),
        (Signs(0), "nothing to do"),
        (Signs(0, is_worse_than_before=True), "nothing to do"),
    ],
)
def test_what_is_to_be_done(signs: Signs, action: Action) -> None:
    assert advice_of(signs).action == action


def test_every_line_of_the_table_is_needed() -> None:
    every = [
        Signs(severity, since, before, drifted, prediction, known, failed)
        for severity in (None, 0, 1, 2, 3)
        for since in (False, True)
        for before in (False, True)
        for drifted in (0, 2)
        for prediction in (False, True)
        for known in (False, True)
        for failed in (False, True)
    ]
    assert {advice_of(signs) for signs in every} == {advice for _, advice in TABLE}


def test_signs_come_from_what_is_known() -> None:
    history = History((tally(steady(0, 60, 10)), tally(steady(60, 7, 20), "2")))
    signs = signs_of(quality_of(history, None), 2, True, True, False)
    assert signs == Signs(3, True, True, 2, True, True)
    assert signs_of(None, 0, False, False, False) == Signs(None, is_any_drift_known=False)
    assert quality_of(history, None).windows["7d"] != Measures(0, 0)
