"""When to try again, whom to tell, and what to say."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promkit.labels import parse_matchers
from tests.webhook.deliveries import NOW
from webhook.core.facts import Digest, Links
from webhook.core.message import Message, rfc3339
from webhook.core.retry import GIVE_UP_AFTER, LONGEST_DELAY, next_attempt
from webhook.core.routing import Route, Routing, Target


def _longest(low: float, high: float) -> float:
    return high


@pytest.mark.parametrize(
    ("attempts", "age", "asked", "wait"),
    [
        (1, 0, 0, 2),
        (2, 5, 0, 4),
        (5, 60, 0, 32),
        (9, 2000, 0, 300),
        (10_000, 2000, 0, 300),
        (1, 0, 60, 60),
        (9, 2000, 60, 300),
        (1, 0, 10 * GIVE_UP_AFTER, GIVE_UP_AFTER),
        (50, GIVE_UP_AFTER - 1, 0, 1),
        (51, GIVE_UP_AFTER, 0, None),
        (51, GIVE_UP_AFTER + 1, 0, None),
    ],
)
def test_next_attempt(attempts: int, age: float, asked: float, wait: float | None) -> None:
    expected = None if wait is None else NOW + age + wait
    assert next_attempt(NOW, attempts, NOW + age, asked, _longest) == expected


@given(
    attempts=st.integers(1, 10**6),
    age=st.floats(0, GIVE_UP_AFTER - 1e-3),
    asked=st.floats(0, 1e9),
    share=st.floats(0, 1),
)
def test_the_wait_is_bounded_and_never_undercuts_what_was_asked(
    attempts: int, age: float, asked: float, share: float
) -> None:
    at = next_attempt(0.0, attempts, age, asked, lambda low, high: low + share * (high - low))

    assert at is not None
    assert age <= at <= GIVE_UP_AFTER
    assert at - age <= max(asked, LONGEST_DELAY) + 1e-6
    assert at == GIVE_UP_AFTER or at - age >= asked - 1e-6


_TARGETS = (Target("chat"), Target("pager", frozenset({"critical"})), Target("none", frozenset()))


@pytest.mark.parametrize(
    ("routes", "labels", "channels"),
    [
        ((), {"severity": "critical"}, ("chat", "pager")),
        ((), {"severity": "CRITICAL"}, ("chat", "pager")),
        ((), {"severity": "info"}, ("chat",)),
        ((), {}, ("chat",)),
        ((('team="db"', ("pager",)),), {"team": "db", "severity": "critical"}, ("pager",)),
        ((('team="db"', ("pager",)),), {"team": "db", "severity": "info"}, ()),
        ((('team="db"', ("pager",)),), {"team": "web", "severity": "info"}, ("chat",)),
        ((('team="db"', ()), ("", ("chat",))), {"team": "db"}, ()),
        (
            (('team="db",env!="prod"', ()), ("", ("chat",))),
            {"team": "db", "env": "prod"},
            ("chat",),
        ),
        (
            (('team=~"d.*"', ("pager", "chat")), ('team="db"', ())),
            {"team": "db", "severity": "critical"},
            ("chat", "pager"),
        ),
    ],
)
def test_the_first_route_that_accepts_decides(
    routes: tuple[tuple[str, tuple[str, ...]], ...],
    labels: dict[str, str],
    channels: tuple[str, ...],
) -> None:
    routing = Routing(_TARGETS, tuple(Route(parse_matchers(text), names) for text, names in routes))

    assert routing.route(labels, {}).channels == channels


_MESSAGE = Message(
    key="abc-1-firing-ops",
    incident=7,
    status="firing",
    severity="critical",
    alertname="CpuAnomaly",
    query="cpu",
    labels={"alertname": "CpuAnomaly", "severity": "critical", "query": "cpu"},
    annotations={"summary": "cpu is unusual", "description": "far too busy"},
    starts_at=NOW,
    ends_at=None,
    generator_url="http://prometheus:9090/graph",
    links=Links("https://alerts.example.org/incidents/7"),
)


def test_the_json_of_a_notification() -> None:
    numbers = {"value": "0.97", "expected_value": "0.2", "lower": "0.1", "upper_bound": "NaN"}
    message = replace(
        _MESSAGE,
        status="resolved",
        ends_at=NOW + 90.5,
        annotations={"summary": "cpu is unusual", "description": "far too busy", **numbers},
        labels={"upper": "0.3", "score": "high", "severity": "critical"},
    )

    assert message.as_json() == {
        "version": "1",
        "id": "abc-1-firing-ops",
        "test": False,
        "incident": 7,
        "status": "resolved",
        "severity": "critical",
        "alertname": "CpuAnomaly",
        "query": "cpu",
        "title": "[RESOLVED] CpuAnomaly cpu: cpu is unusual",
        "summary": "cpu is unusual",
        "description": "far too busy",
        "value": 0.97,
        "expected": 0.2,
        "lower_bound": 0.1,
        "upper_bound": 0.3,
        "score": None,
        "labels": {"upper": "0.3", "score": "high", "severity": "critical"},
        "annotations": {
            "summary": "cpu is unusual",
            "description": "far too busy",
            **numbers,
        },
        "starts_at": "2027-01-15T08:00:00.000Z",
        "ends_at": "2027-01-15T08:01:30.500Z",
        "generator_url": "http://prometheus:9090/graph",
        "links": {"incident": "https://alerts.example.org/incidents/7"},
    }


def test_a_title_without_summary_or_query() -> None:
    assert replace(_MESSAGE, query="", annotations={}).title == "[CRITICAL] CpuAnomaly"


def test_a_title_of_a_digest() -> None:
    digest = Digest(since=0.0, until=1.0, held=12, still_open=3, rows=())

    assert replace(_MESSAGE, digest=digest).title == "[DIGEST] 12 alerts held back, 3 still firing"


def test_instants_are_written_in_utc() -> None:
    assert rfc3339(0.0) == "1970-01-01T00:00:00.000Z"
