"""What is held back, why and until when; what a digest says of it."""

from dataclasses import replace
from datetime import time
from zoneinfo import ZoneInfo

import pytest

from webhook.core.digest import ROWS, HeldGroup, make_digest, told_apart
from webhook.core.facts import DigestRow
from webhook.core.flapping import Flapping
from webhook.core.quiet import DAYS, QuietHours
from webhook.core.severity import Level
from webhook.core.throttle import (
    Announcement,
    HeldReason,
    Hold,
    Past,
    Rules,
    Total,
    decide,
    digest_at,
    hold_of,
    in_words,
)

RULES = Rules(
    per_metric_and_severity=300.0,
    total=Total(10, 900.0),
    flapping=Flapping(4, 3600.0),
    digest=300.0,
)
NOW = 10_000.0


def news(metric: str = "cpu", level: Level = "medium", *openings: float) -> Announcement:
    return Announcement(1, metric, level, openings or (NOW,))


@pytest.mark.parametrize(
    ("last", "metric", "level", "is_held"),
    [
        (NOW - 299.9, "cpu", "medium", True),
        (NOW - 300.0, "cpu", "medium", False),
        (NOW - 1.0, "cpu", "critical", False),
        (NOW - 1.0, "disk", "medium", False),
    ],
)
def test_one_per_metric_and_level(last: float, metric: str, level: Level, is_held: bool) -> None:
    past = Past({("cpu", "medium"): last}, [last])

    hold = hold_of(news(metric, level), past, RULES, NOW)

    assert hold == (Hold("throttled_metric", NOW + 300) if is_held else None)


def test_the_last_place_is_for_a_digest() -> None:
    past = Past(total=[NOW - 900.0, *(NOW - 899.0 + i for i in range(8))])

    decisions = decide([news("a"), news("b")], past, RULES, NOW)

    assert decisions == [None, Hold("throttled_total", NOW + 300)]
    assert digest_at(past, RULES, NOW) == NOW
    past.total.append(NOW)
    assert digest_at(past, RULES, NOW) == NOW - 899.0 + 900.0
    assert digest_at(past, replace(RULES, total=None), NOW) == NOW


def test_a_bypass_is_neither_held_nor_counted() -> None:
    rules = replace(RULES, bypass=frozenset({"critical"}), total=Total(2, 900.0))
    past = Past()
    flapping = news("cpu", "critical", *(NOW - i for i in (9, 8, 7, 0)))

    assert decide([flapping] * 5, past, rules, NOW) == [None] * 5
    assert past == Past()
    assert decide([news("a"), news("b")], past, rules, NOW) == [
        None,
        Hold("throttled_total", NOW + 300),
    ]


def test_quiet_hours_hold_what_bypasses_the_limits() -> None:
    night = QuietHours(
        frozenset(DAYS), time(2), time(4), ZoneInfo("UTC"), frozenset({"medium", "critical"})
    )
    rules = replace(RULES, quiet=(night,), bypass=frozenset({"critical"}))

    assert hold_of(news(level="critical"), Past(), rules, NOW) == Hold("quiet_hours", 4 * 3600)
    assert hold_of(news(level="high"), Past(), rules, NOW) is None


def test_flapping_is_news_once_and_then_waits_for_calm() -> None:
    def held(*openings: float) -> Hold | None:
        return hold_of(news("cpu", "medium", *openings), Past(), RULES, NOW)

    assert held(NOW - 1800, NOW - 600, NOW) is None
    assert held(NOW - 3600, NOW - 1800, NOW - 600, NOW) is None
    assert held(NOW - 3599, NOW - 1800, NOW - 600, NOW) == Hold("flapping", NOW + 300)
    assert held(NOW - 3599, NOW - 1800, NOW - 600, NOW - 60, NOW) == Hold("flapping", NOW + 1800)
    again = [NOW - 7000 + 1000 * i for i in range(8)]
    assert held(*again) == Hold("flapping", again[-4] + 3600)


def test_flapping_without_openings() -> None:
    assert Flapping(4, 3600.0).calm_at(()) is None


def test_nothing_holds_anything_back_when_all_is_off() -> None:
    assert decide([news()] * 3, Past(), Rules(), NOW) == [None] * 3
    assert Rules().total is None


@pytest.mark.parametrize(
    ("reason", "words", "without"),
    [
        ("throttled_metric", "one in 5m for a metric and severity", ""),
        ("throttled_total", "limit of 10 in 15m", "limit of all notifications"),
        ("flapping", "flapping: 4 times or more in 1h", "flapping"),
        ("quiet_hours", "quiet hours", "quiet hours"),
    ],
)
def test_reasons_in_words(reason: HeldReason, words: str, without: str) -> None:
    assert in_words(reason, RULES) == words
    # What was held by rules that a reload has switched off meanwhile.
    assert without in in_words(reason, Rules())


def test_a_digest_names_the_worst_first_and_counts_the_rest() -> None:
    def group(level: Level, query: str, count: int, still_open: int, *names: str) -> HeldGroup:
        return HeldGroup(level, "Anomaly", query, "throttled_total", count, still_open, names)

    many = [group("low", f"q{i:02}", 1, 0) for i in range(20)]
    digest = make_digest(
        [
            *many,
            group("medium", "over", 9, 0, "a", "b"),
            group("medium", "open", 2, 1, "a", "b"),
            group("critical", "disk", 1, 1, "db1", "db1"),
        ],
        {"low": 20, "medium": 11, "critical": 1},
        still_open=2,
        since=1.0,
        until=2.0,
        rules=RULES,
    )

    assert digest.rows[:3] == (
        DigestRow("critical", "Anomaly disk: db1", 1, True, "limit of 10 in 15m"),
        DigestRow("medium", "Anomaly open: a, b", 2, True, "limit of 10 in 15m"),
        DigestRow("medium", "Anomaly over: a, b and 7 more", 9, False, "limit of 10 in 15m"),
    )
    assert len(digest.rows) == ROWS
    assert (digest.held, digest.still_open, digest.since, digest.until) == (32, 2, 1.0, 2.0)
    assert list(digest.by_level.items()) == [("critical", 1), ("medium", 11), ("low", 20)]


def test_what_tells_series_apart() -> None:
    common = {"alertname": "A", "query": "q", "severity": "info", "job": "j"}

    assert told_apart(common | {"instance": "db1:9100", "pod": "x"}) == "db1:9100"
    assert told_apart(common | {"pod": "x", "device": "sda"}) == "sda x"
    assert told_apart(common) == ""
    assert told_apart({"pod": "x" * 100}) == "x" * 59 + "…"
    bare = HeldGroup("low", "", "", "flapping", 3, 0, ("",))
    assert make_digest([bare], {"low": 3}, 0, 0, 1, RULES).rows[0].what == "(no alertname)"
