"""The story of an incident, told in order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.core.alerts import Status
from webhook.core.incidents import Change
from webhook.core.patterns import Left, began_words
from webhook.core.timeline import (
    Grouped,
    Sending,
    Silenced,
    Story,
    Told,
    Try,
    Verdict,
    timeline,
)

T = 1_800_000_000.0
AM = "http://alertmanager:9093"


def told(at: float, change: Change = Change.OPENED, source: str = AM) -> Told:
    status: Status = "resolved" if change is Change.CLOSED else "firing"
    return Told(T + at, status, change, source, "hook", "")


PAGER = Sending(
    channel="PagerDuty",
    kind="firing",
    state="sent",
    created_at=T,
    admitted_at=T,
    held_reason=None,
    held_until=None,
    digest=None,
    digest_at=None,
    finished_at=T + 1,
    detail="HTTP 202",
    tries=(Try(T + 0.2, 15.0, False, "no answer"), Try(T + 20, 0.31, True, "HTTP 202")),
)
SLACK = replace(
    PAGER,
    channel="Slack",
    state="digested",
    admitted_at=None,
    held_reason="throttled_metric",
    held_until=T + 300,
    digest=12,
    digest_at=T + 301,
    finished_at=T + 301,
    tries=(),
)
STORY = Story(
    7,
    [
        told(0),
        told(60, Change.REPEATED),
        told(61, Change.STALE, "http://b"),
        told(900, Change.CLOSED),
    ],
    [
        PAGER,
        SLACK,
        replace(
            PAGER,
            kind="resolved",
            state="suppressed",
            created_at=T + 900,
            admitted_at=None,
            finished_at=T + 900,
            detail="superseded",
            tries=(),
        ),
    ],
    Grouped(T, 3, "instance db1, within 2m"),
    [Verdict(T + 2_000, "false_alarm", "ana", "slack", "deploy")],
)


def test_every_kind_of_line_in_order() -> None:
    lines = [(round(entry.at - T), entry.text) for entry in timeline(STORY)]

    assert lines == [
        (0, f"firing received from {AM} for receiver hook"),
        (0, "stored as incident 7"),
        (0, "one cause with group 3: instance db1, within 2m"),
        (0, "Slack held (metric limit)"),
        (0, "PagerDuty let through"),
        (0, "PagerDuty failed (attempt 1) in 15 s: no answer"),
        (20, "PagerDuty sent in 0.31 s: HTTP 202"),
        (60, f"received 2 times more from {AM}, http://b"),
        (301, "Slack named in digest 12"),
        (900, f"resolved received from {AM} for receiver hook"),
        (900, "PagerDuty resolved not needed: it ended first, and the resolved says both"),
        (2_000, "false alarm, says ana by slack: deploy"),
    ]
    until = {entry.text: entry.until for entry in timeline(STORY) if entry.until is not None}
    assert until == {
        "Slack held (metric limit)": T + 300,
        f"received 2 times more from {AM}, http://b": T + 61,
    }


def test_what_a_harmless_pattern_silenced() -> None:
    held = replace(
        PAGER,
        state="suppressed",
        admitted_at=None,
        held_reason="harmless_pattern",
        finished_at=T + 600,
        detail="harmless_pattern 3",
        tries=(),
    )
    silenced = Silenced(T, 3, (4, 9, 12), T + 30 * 86_400)
    lines = [entry.text for entry in timeline(Story(7, [told(0)], [held], silenced=silenced))]
    assert lines[2:] == [
        "silenced by harmless pattern 3: same shape and hour as incidents 4, 9, 12; "
        "until 2027-02-14",
        "PagerDuty held (harmless pattern)",
        "PagerDuty not needed: harmless pattern 3",
    ]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("left", "left the pattern after 4 min"),
        ("longer", "still went on after 4 min, longer than the pattern"),
        ("unknown", "Prometheus did not say how it goes"),
        ("ended", "the pattern was over"),
    ],
)
def test_why_it_was_let_through_after_all(how: Left, said: str) -> None:
    # Retention may have taken the pattern.
    silenced = Silenced(T, 3, left_at=T + 241, left=how)
    told_at = replace(PAGER, held_reason="harmless_pattern", admitted_at=T + 241)
    entries = timeline(Story(7, [told(0)], [told_at], silenced=silenced))
    lines = [(entry.at - T, entry.text) for entry in entries if "attempt" not in entry.text]
    assert lines[2:] == [
        (0, "silenced by harmless pattern 3"),
        (0, "PagerDuty held (harmless pattern)"),
        (20, "PagerDuty sent in 0.31 s: HTTP 202"),
        (241, f"let through: {said}"),
        (241, "PagerDuty let through after 4 min"),
    ]
    assert began_words(3, how).count("harmless pattern 3") == 1


def test_what_nobody_delivered_says_so() -> None:
    found = replace(told(5, Change.MISSED, "reconcile"), status="resolved", cause="came and went")
    own = told(0, source="")

    texts = [entry.text for entry in timeline(Story(1, [own, found], []))]

    assert texts == [
        "firing received from the daemon itself for receiver hook",
        "stored as incident 1",
        "resolved, found by reconcile: came and went",
        "stored as incident 1",
    ]


def test_what_was_given_up_and_what_waited() -> None:
    dead = replace(PAGER, state="dead", admitted_at=T + 120, detail="HTTP 404", tries=())

    texts = [entry.text for entry in timeline(Story(1, [], [dead]))]

    assert texts == ["PagerDuty given up: HTTP 404", "PagerDuty let through after 2 min"]


_AT = st.floats(0, 1e4)


@given(st.lists(st.tuples(_AT, st.sampled_from(Change)), max_size=30))
def test_nothing_told_is_lost_and_time_never_goes_back(news: list[tuple[float, Change]]) -> None:
    entries = timeline(Story(1, [told(at, change) for at, change in news], []))

    times = [entry.at for entry in entries]
    assert times == sorted(times)
    repeats = [change for _, change in news if change in (Change.REPEATED, Change.STALE)]
    condensed = [entry.text for entry in entries if entry.what == "repeated"]
    counts = [1 if "once more" in text else int(text.split()[1]) for text in condensed]
    assert sum(counts) == len(repeats)
    assert sum(entry.what in ("received", "resolved") for entry in entries) == len(news) - len(
        repeats
    )
