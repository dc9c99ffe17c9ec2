"""Deliveries of one series, late, twice and in any order, end where the truth ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhook.deliveries import alert
from webhook.core.alerts import Alert
from webhook.core.incidents import Change, Span, announces, transition


def _firing(starts_at: float) -> Alert:
    return alert("firing", starts_at=starts_at)


def _resolved(starts_at: float, ends_at: float) -> Alert:
    return alert("resolved", starts_at=starts_at, ends_at=ends_at)


@pytest.mark.parametrize(
    ("last", "news", "change", "after"),
    [
        (None, _firing(10), Change.OPENED, Span(10)),
        (None, _resolved(10, 20), Change.MISSED, Span(10, 20)),
        (Span(10), _firing(10), Change.REPEATED, Span(10)),
        (Span(10), _firing(9), Change.REPEATED, Span(10)),
        (Span(10), _firing(30), Change.REPEATED, Span(30)),
        (Span(10), _resolved(10, 20), Change.CLOSED, Span(10, 20)),
        (Span(10), _resolved(8, 20), Change.CLOSED, Span(10, 20)),
        (Span(30), _resolved(10, 20), Change.STALE, Span(30)),
        (Span(10, 20), _firing(10), Change.STALE, Span(10, 20)),
        (Span(10, 20), _firing(20), Change.STALE, Span(10, 20)),
        (Span(10, 20), _firing(21), Change.OPENED, Span(21)),
        (Span(10, 20), _resolved(10, 20), Change.STALE, Span(10, 20)),
        (Span(10, 20), _resolved(10, 25), Change.STALE, Span(10, 25)),
        (Span(10, 20), _resolved(30, 40), Change.MISSED, Span(30, 40)),
    ],
)
def test_transitions(last: Span | None, news: Alert, change: Change, after: Span) -> None:
    assert transition(last, news) == (change, after)


def test_only_opening_and_closing_are_announced() -> None:
    announced = {change: announces(change) for change in Change}

    assert announced == {
        Change.OPENED: "firing",
        Change.CLOSED: "resolved",
        Change.REPEATED: None,
        Change.MISSED: None,
        Change.STALE: None,
    }


@st.composite
def _histories(draw: st.DrawFn) -> list[Alert]:
    """Return what a series did, in order: firing and resolved in turn, with skewed starts."""
    news: list[Alert] = []
    at = 1_000.0
    for _ in range(draw(st.integers(1, 4))):
        begin = at
        end = begin + draw(st.floats(10, 100))
        # Members of a pair learn of one incident at slightly different times.
        starts = draw(st.lists(st.floats(begin, begin + 5), min_size=1, max_size=3))
        news.extend(_firing(start) for start in starts)
        news.append(_resolved(begin, end))
        at = end + draw(st.floats(1, 100))
    if draw(st.booleans()):
        news.pop()
    return news


def _play(news: list[Alert]) -> tuple[Span, list[str]]:
    span: Span | None = None
    announced: list[str] = []
    for item in news:
        change, span = transition(span, item)
        if (announcement := announces(change)) is not None:
            announced.append(announcement)
    assert span is not None
    return span, announced


@given(st.data(), _histories())
def test_any_order_and_repetition_ends_in_the_same_state(
    data: st.DataObject, history: list[Alert]
) -> None:
    truth, _ = _play(history)
    repeated = history + data.draw(st.lists(st.sampled_from(history), max_size=6))

    end, announced = _play(data.draw(st.permutations(repeated)))

    assert end.ends_at == truth.ends_at
    # Never two firing in a row, never a resolved without its firing: each incident has one of each.
    assert announced == ["firing", "resolved"] * (len(announced) // 2) + ["firing"] * (
        len(announced) % 2
    )
    assert (len(announced) % 2 == 1) == (truth.ends_at is None)


@given(st.data(), _histories())
def test_repetitions_in_order_announce_each_incident_once(
    data: st.DataObject, history: list[Alert]
) -> None:
    _, announced = _play(history)
    twice: list[Alert] = []
    for i, item in enumerate(history):
        twice.append(item)
        # Anything said so far may be said again now: a retry carries a frozen snapshot.
        twice.extend(data.draw(st.lists(st.sampled_from(history[: i + 1]), max_size=2)))

    assert _play(twice)[1] == announced
