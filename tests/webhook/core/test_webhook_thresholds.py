"""When do verdicts move a threshold, and by how much?"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.reference.thresholds import Book, brought_down
from webhook.core.thresholds import (
    DAY,
    HIGHEST,
    LOWEST,
    UP,
    Rate,
    Rated,
    Replay,
    Step,
    Tally,
    bounded,
    change_words,
    hidden_words,
    is_safe,
    last_sunday,
    rate_of,
    ratio_at,
    taken_down,
    threshold_today,
    undone,
)

BERLIN = ZoneInfo("Europe/Berlin")


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(["false_alarm"] * 4 + ["confirmed", "undo"])),
        max_size=150,
    )
)
def test_batches_are_those_of_the_reference(history: list[tuple[int, str]]) -> None:
    book, verdicts, spent, ratio = Book(), dict[int, str](), frozenset[int](), 1.0
    raises: list[tuple[float, float]] = []
    for incident, verdict in history:
        if verdict == "undo":
            book.undo_last()
            if raises:
                ratio = undone(ratio, *raises.pop())
        else:
            book.judge(incident, verdict)
            verdicts[incident] = verdict
        wrong = frozenset(id for id, each in verdicts.items() if each == "false_alarm")
        tally = Tally(wrong, frozenset(verdicts) - wrong, spent)
        if tally.batch:
            before, ratio = ratio, bounded(ratio * UP)
            spent |= set(tally.batch)
            if before != ratio:
                raises.append((before, ratio))
            tally = Tally(wrong, frozenset(verdicts) - wrong, spent)
        assert (tally.count, ratio) == (book.count, book.ratio)
        assert LOWEST <= ratio <= HIGHEST
        assert not tally.batch


def test_a_verdict_taken_back_is_owed() -> None:
    ten, eleven = frozenset(range(10)), frozenset(range(10, 21))
    taken_back = Tally(ten - {0} | eleven - {20}, frozenset({0}), ten)
    assert (taken_back.count, taken_back.batch) == (9, ())
    one_more = Tally(ten - {0} | eleven, frozenset({0}), ten)
    assert (one_more.count, one_more.batch) == (10, tuple(range(10, 20)))


def test_undo_leaves_later_changes_in_force() -> None:
    assert undone(1.1, 1.0, 1.1) == 1.0
    assert undone(1.21, 1.0, 1.1) == 1.1
    assert undone(0.5, 1.0, 1.1) == LOWEST


NOW = 1_800_000_000.0


def rated(wrong: int, right: int, ago: float = DAY, spread: float = 2 * DAY) -> list[Rated]:
    judged = [True] * wrong + [False] * right
    return [
        Rated(i, NOW - ago - spread * (i % 2), is_false_alarm)
        for i, is_false_alarm in enumerate(judged)
    ]


@pytest.mark.parametrize(
    ("judged", "since", "factor"),
    [
        (rated(5, 15), 0.0, 1.1),
        (rated(4, 16), 0.0, 1.0),
        (rated(1, 19), 0.0, 1.0),
        (rated(0, 20), 0.0, 0.9),
        (rated(0, 19), 0.0, None),
        (rated(20, 0, spread=0.0), 0.0, None),
        (rated(5, 15, ago=20 * DAY), 0.0, 1.1),
        (rated(5, 15, ago=27 * DAY), 0.0, None),
        (rated(5, 15), NOW - 2 * DAY, None),
        # A bad month and a good week: the week is enough to go by.
        (rated(0, 20) + rated(60, 0, ago=10 * DAY), 0.0, 0.9),
    ],
)
def test_the_weekly_rate(judged: list[Rated], since: float, factor: float | None) -> None:
    rate = rate_of(judged, NOW, since, "UTC")
    assert (rate and rate.factor) == factor


def test_what_is_counted_is_said() -> None:
    assert rate_of(rated(5, 15, ago=20 * DAY), NOW, 0.0, "UTC") == Rate(5, 20, 2, 28)


@given(st.integers(0, 4_000_000_000), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Beirut"]))
def test_sundays_at_three(now: int, zone: str) -> None:
    due = datetime.fromtimestamp(last_sunday(now, zone), ZoneInfo(zone))
    assert due.timestamp() <= now < due.timestamp() + 7 * DAY + 3600
    assert (due.isoweekday(), due.hour, due.minute) == (7, 3, 0)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_clocks_that_change_that_very_night(day: str) -> None:
    due = datetime.fromisoformat(f"{day}T03:00").replace(tzinfo=BERLIN)
    assert last_sunday(due.timestamp(), "Europe/Berlin") == due.timestamp()
    before = last_sunday(due.timestamp() - 1, "Europe/Berlin")
    assert datetime.fromtimestamp(before, BERLIN).date() == due.date() - timedelta(days=7)


def test_the_ratio_of_a_moment() -> None:
    steps = [Step(10.0, 1.0, 1.1), Step(20.0, 1.1, 1.21)]
    assert [ratio_at(steps, 1.21, at) for at in (5.0, 10.0, 15.0, 25.0)] == [1.0, 1.1, 1.1, 1.21]


def test_what_may_be_raised_without_asking() -> None:
    assert is_safe(Replay(12, gone=(1, 2)), 3) == (
        True,
        "of 12 alarms in 14 days 2 would not have come, 0 of them confirmed",
    )
    assert not is_safe(Replay(12, gone=(1,), lost=(1,)), 1)[0]
    assert not is_safe(Replay(12, unknown=(1,)), 1)[0]
    assert is_safe(None, 0)[0]
    assert is_safe(None, 1) == (
        False,
        "no replay was possible, 1 confirmed incidents in 28 days",
    )


RATIOS = st.floats(LOWEST, HIGHEST).map(bounded)


@given(RATIOS, RATIOS, st.floats(0.0, 1.0), st.floats(0.3, 1.0))
@example(1.1, 1.0, 0.6, 0.6)
@example(1.1, 1.1, 0.65, 0.6)
@example(1.5, 1.5, 0.89, 0.6)
@example(1.5, 0.9, 0.57, 0.6)
@example(0.9, 1.5, 0.62, 0.6)
def test_a_missed_peak_takes_raises_back(
    series: float, query: float, peak: float, configured: float
) -> None:
    today = threshold_today(configured, 1.0, series * query)
    after = taken_down(series, query, peak, today)
    book = brought_down(series, query, peak, configured)
    # The book goes by thousandths, the other way is a thousandth lower than it has to be.
    assert after == pytest.approx(book, abs=0.005)
    for before, ratio in zip((series, query), after, strict=True):
        assert min(before, 1.0) <= ratio <= before
        assert ratio == before or ratio >= 1.0
    if after != (series, query):
        assert configured * bounded(after[0] * after[1]) <= peak * (1 + 1e-6)
        assert after[1] == query or after[0] <= 1.0
        # By then nothing hides it, so that a second mark like it changes nothing.
        now = threshold_today(today, series * query, after[0] * after[1])
        assert taken_down(*after, peak, now) == pytest.approx(after, abs=1e-6)


@pytest.mark.parametrize(
    ("series", "query", "peak", "threshold", "after"),
    [
        (1.21, 1.0, 0.65, 0.726, (1.08225, 1.0)),
        (1.1, 1.1, 0.65, 0.726, (1.0, 1.08225)),
        (1.1, 1.1, 0.6, 0.726, (1.0, 1.0)),
        # What is configured hides it, or nothing does, or nothing is raised.
        (1.1, 1.1, 0.59, 0.726, (1.1, 1.1)),
        (1.1, 1.1, 0.726, 0.726, (1.1, 1.1)),
        (1.1, 0.9, 0.5, 0.594, (1.1, 0.9)),
        # Only what is raised comes down, here to nine tenths of what is configured.
        (1.5, 0.9, 0.54, 0.81, (1.0, 0.9)),
        (0.9, 1.5, 0.6, 0.81, (0.9, 1.11)),
    ],
)
def test_how_far_a_missed_peak_goes(
    series: float, query: float, peak: float, threshold: float, after: tuple[float, float]
) -> None:
    assert taken_down(series, query, peak, threshold) == after


def test_the_threshold_of_today() -> None:
    assert threshold_today(0.66, 1.1, 1.21) == pytest.approx(0.726)
    # The exporter bounds what ratios multiply to.
    assert threshold_today(0.9, 1.5 * 1.5, 1.1) == pytest.approx(0.66)


def test_what_follows_from_a_mark() -> None:
    assert "tuning.enabled" in hidden_words(is_enabled=False, has_prometheus=True)
    assert "prometheus" in hidden_words(is_enabled=True, has_prometheus=False)
    assert "taken back within" in hidden_words(is_enabled=True, has_prometheus=True)


def test_words() -> None:
    assert change_words(1.0, 1.1).startswith("the threshold is raised by 10 %, to 1.1 times")
    assert change_words(1.0, 0.9).startswith("the threshold is lowered by 10 %")
    assert change_words(1.1, 1.0) == "the threshold is lowered by 9.09 %, to what is configured"
    assert "its limit" in change_words(1.5, 1.5)
