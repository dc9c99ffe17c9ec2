"""By how much do verdicts move weights, and which alarms would that have cost?"""

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference.weights import Incident, Scales
from webhook.core.thresholds import HIGHEST, LOWEST, Replay
from webhook.core.weights import (
    BATCH,
    WEEKLY_BATCH,
    Alarm,
    Combine,
    Ensemble,
    Opinion,
    evidence_of,
    most_moved,
    move_words,
    moved,
    needed,
    replay_of,
    taken_back,
)

NAMES = ("ewma", "mad", "zscore")
LEVELS = st.sampled_from([0.2, 0.59, 0.6, 0.9])
PEAKS = st.dictionaries(st.sampled_from(NAMES), LEVELS)
RATIOS = st.fixed_dictionaries({name: st.sampled_from([0.5, 0.8, 1.0, 1.5]) for name in NAMES})
WEIGHTS = st.fixed_dictionaries({name: st.sampled_from([0.1, 0.2, 0.4]) for name in NAMES})


@given(st.lists(st.tuples(st.booleans(), PEAKS), max_size=60), RATIOS, WEIGHTS)
def test_steps_are_those_of_the_book(
    said: list[tuple[bool, dict[str, float]]], ratios: dict[str, float], weights: dict[str, float]
) -> None:
    opinions = [Opinion(0.0, is_real, peaks, 0.6) for is_real, peaks in said]
    after = moved(ratios, evidence_of(opinions, NAMES).precisions(), weights)
    book = Scales(weights, "mean", 0.5)
    assert after == pytest.approx(book.following([(*each, 0.6) for each in said], ratios), abs=2e-6)
    for name, ratio in after.items():
        assert LOWEST <= ratio <= HIGHEST
        assert 0.899999 <= ratio / ratios[name] <= 1.100001


@given(
    st.fixed_dictionaries({name: st.floats(0.48, 0.52) for name in NAMES}),
    WEIGHTS,
)
def test_what_one_wins_the_others_lose(
    precisions: dict[str, float], weights: dict[str, float]
) -> None:
    ones = dict.fromkeys(NAMES, 1.0)
    after = {**ones, **moved(ones, precisions, weights)}
    total = sum(weights[name] * after[name] for name in NAMES)
    assert total == pytest.approx(sum(weights.values()), abs=1e-5)


@given(
    st.lists(st.tuples(st.booleans(), LEVELS, PEAKS), max_size=20),
    st.sampled_from(get_args(Combine)),
    RATIOS,
    RATIOS,
    WEIGHTS,
)
def test_losses_are_those_of_the_book(
    past: list[tuple[bool, float, dict[str, float]]],
    combine: Combine,
    before: dict[str, float],
    after: dict[str, float],
    weights: dict[str, float],
) -> None:
    ensemble = Ensemble(combine, 0.5, weights)
    alarms = [
        Alarm(i, is_confirmed, peak, 0.6, peaks, before)
        for i, (is_confirmed, peak, peaks) in enumerate(past)
    ]
    replay = replay_of(alarms, ensemble, before, after)

    book = Scales(weights, combine, 0.5)
    book.changes.append((-1.0, "person", {}, before))
    for i, (is_confirmed, peak, peaks) in enumerate(past):
        book.incidents[i] = Incident(0.0, peak, 0.6, peaks, "confirmed" if is_confirmed else None)
    assert bool(replay.lost or replay.unknown) == book.loses(0.0, after)
    assert set(replay.lost) <= set(replay.gone)


def test_a_score_that_there_was_is_scaled_not_replaced() -> None:
    # Peaks of 0.9 and 0.8 at different times: the score was never above 0.61.
    ensemble = Ensemble("mean", 0.5, {"mad": 0.5, "zscore": 0.5})
    alarm = Alarm(7, True, 0.61, 0.6, {"mad": 0.9, "zscore": 0.8}, {})
    kept, lowered = {"mad": 1.0}, {"mad": 0.5}
    assert replay_of([alarm], ensemble, kept, kept) == Replay(1)
    assert replay_of([alarm], ensemble, kept, lowered) == Replay(1, gone=(7,), lost=(7,))


def test_what_would_not_come_today_is_not_lost_by_this() -> None:
    ensemble = Ensemble("mean", 0.5, {"mad": 0.5, "zscore": 0.5})
    alarm = Alarm(7, True, 0.61, 0.6, {"mad": 0.9, "zscore": 0.8}, {}, factor=1.1)
    assert replay_of([alarm], ensemble, {}, {"mad": 0.5}) == Replay(1)


@pytest.mark.parametrize(
    "alarm",
    [
        Alarm(7, True, None, None, {}, {}),
        Alarm(7, True, 0.7, 0.6, {}, {}),
        Alarm(7, True, 0.7, 0.6, {"gone": 0.9}, {}),
        Alarm(7, True, 0.7, 0.6, {"mad": math.nan}, {}),
        # It alerted, so whoever looked has missed something.
        Alarm(7, True, 0.5, 0.6, {"mad": 0.5}, {}),
    ],
    ids=["nothing", "no detector", "not configured", "cannot tell", "below"],
)
def test_of_what_nobody_knows_the_worst_is_assumed(alarm: Alarm) -> None:
    ensemble = Ensemble("mean", 0.5, {"mad": 0.5, "zscore": 0.5})
    assert replay_of([alarm], ensemble, {}, {"mad": 0.9}) == Replay(1, unknown=(7,))


def test_undo_leaves_later_changes_in_force() -> None:
    before, after = {"mad": 1.0, "ewma": 1.0}, {"mad": 1.1, "ewma": 0.9}
    assert taken_back({"mad": 1.1, "ewma": 0.81}, before, after) == {"mad": 1.0, "ewma": 0.9}


def test_how_many_verdicts_it_takes() -> None:
    assert needed(None, is_weekly=False) == needed("verdicts", is_weekly=False) == BATCH
    assert needed("weekly", is_weekly=True) == WEEKLY_BATCH
    assert needed("undo", is_weekly=True) == needed("person", is_weekly=True) == BATCH


def test_words() -> None:
    assert most_moved({"mad": 1.0, "ewma": 1.0}, {"mad": 1.05, "ewma": 0.9}) == 0.9
    assert most_moved({}, {}) == 1.0
    assert move_words({"mad": 1.0}, {"mad": 0.91117}).endswith("configured: mad 1 -> 0.9112")
    assert move_words({}, {}) == "the detectors keep their weights"
