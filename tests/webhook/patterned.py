"""Incidents with courses, as many nights as a test needs, and patterns without that trouble."""

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert

from tests.webhook.deliveries import NOW
from tests.webhook.judging import SERIES, judged
from webhook.adapters.observations import put_observation
from webhook.adapters.patternpast import Terms
from webhook.adapters.schema import patterns
from webhook.adapters.store import Store
from webhook.adapters.thresholds import key_of
from webhook.core.observation import BEFORE_SECONDS, Observation, ObservedCourse
from webhook.core.patterns import Silencing, minute_of
from webhook.core.verdicts import Verdict

DAY = 86_400.0
STEP = 15.0
SILENCING = Silencing(frozenset({"high", "medium", "low"}), frozenset({"AnomalyDetected"}))
TERMS = Terms(SILENCING, "UTC", 30 * DAY)


def course_at(
    began_at: float, height: float = 10.0, seconds: float = 420.0, base: float = 100.0
) -> ObservedCourse:
    """A hill that begins at an instant and lasts for some minutes, above a flat line."""
    start = began_at - BEFORE_SECONDS
    count = int((BEFORE_SECONDS + seconds + 900) / STEP) + 1
    places = [(start + i * STEP - began_at) / seconds for i in range(count)]
    # From the first sample on it is out of its band.
    values = [
        base + (height * (0.3 + 0.7 * math.sin(math.pi * p)) if 0 <= p <= 1 else 0) for p in places
    ]
    flat = [base] * count
    return ObservedCourse(
        start, STEP, values, flat, [base - 2] * count, [base + 2] * count, [0.0] * count
    )


async def night(
    store: Store,
    verdict: Verdict | None,
    at: float,
    *,
    height: float = 10.0,
    labels: dict[str, str] | None = None,
    course: bool = True,
) -> int:
    """Store one incident of five minutes with its course, which began a minute before it."""
    (number,) = await judged(store, verdict, 1, at, labels=labels)
    await see(store, number, at, course_at(at - 60, height) if course else None)
    return number


async def see(store: Store, number: int, at: float, course: ObservedCourse | None) -> None:
    """Keep what is known of an incident that opened at an instant."""
    began_at = at - 60 if course is not None else None
    seen = Observation(number, at + 1200, began_at, 0.9, 0.6, course=course)
    await store.write(lambda connection: put_observation(connection, seen))


async def nights(
    store: Store, verdict: Verdict | None, *days_before: int, height: float = 10.0, at: float = NOW
) -> list[int]:
    """Store incidents at one hour of some days before an instant, the oldest first."""
    return [await night(store, verdict, at - days * DAY, height=height) for days in days_before]


def put_pattern(
    connection: Connection, at: float, now: float, *, labels: Any = SERIES, **more: Any
) -> int:
    """Store a pattern as wide as may be for ten minutes; return its number."""
    row = {
        "query": "cpu",
        "labels": labels,
        "labels_key": key_of(labels),
        "minute": minute_of(at, "UTC"),
        "timezone": "UTC",
        "step": STEP,
        "lower": [90.0] * 40,
        "upper": [115.0] * 40,
        "incidents": [1, 2, 3],
        "created_at": now,
        "expires_at": now + 30 * DAY,
        **more,
    }
    statement = insert(patterns).values(row).returning(patterns.c.id)
    return int(connection.execute(statement).scalar_one())


def listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
