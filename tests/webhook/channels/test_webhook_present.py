"""What stands in a message, in which order, and in which words."""

from dataclasses import replace
from typing import Any

import pytest

from tests.webhook.channels.kit import HOSTILE, LINKS, MESSAGE
from tests.webhook.deliveries import NOW
from webhook.channels.present import Button, present
from webhook.channels.samples import SAMPLES, Sample, sample
from webhook.core.facts import Breach, Course, Digest, DigestRow, Reading, Siblings
from webhook.core.message import Message


def message(kind: Sample = "firing", **changes: Any) -> Message:
    made = sample(kind, "ops", "https://alerts.example.org", NOW)
    return replace(made, **{"is_test": False, "links": LINKS, **changes})


def line(made: Message, name: str) -> str:
    found = [line.words for line in present(made, NOW).lines if line.name == name]
    assert len(found) <= 1
    return found[0] if found else ""


def test_a_firing_reads_as_on_a_phone() -> None:
    text = present(message(), NOW).text().splitlines()

    assert text[0] == "🔴 CRITICAL checkout http_request_duration_seconds: above normal"
    assert text[1] == "http_request_duration_seconds is outside of what is normal for it."
    assert text[2].startswith("now: 1.84 s, expected 0.21 s to 0.47 s (5.4 times as much) ▁")
    assert text[3] == "since: 07:49 UTC (11 min), 3 of 12 series: pod-4, pod-7, pod-9"
    assert [row.partition(":")[0] for row in text[4:-1]] == ["why", "history"]
    assert text[-1] == "AnomalyDetected instance=test service=checkout"


def test_a_resolved_says_how_long_and_how_bad() -> None:
    made = present(message("resolved"), NOW)

    assert made.title == "✅ RESOLVED checkout http_request_duration_seconds after 29 min"
    assert made.lines[0].plain().startswith("peak: 1.8")
    assert made.lines[1].plain() == "lasted: 29 min, from 07:31 UTC to 08:00 UTC"
    assert [button.name for button in made.verdicts] == ["confirm", "false_alarm"]
    assert made.subject == present(message(), NOW).subject


def test_a_forecast_begins_with_when() -> None:
    made = present(message("forecast"), NOW)

    assert made.title.endswith("node_filesystem_used_ratio: limit expected in 2 h 10 min")
    assert made.lines[0].name == "forecast"
    assert "probability 80 %" in made.lines[0].words
    over = message("forecast", breach=Breach(NOW - 1))
    assert present(over, NOW).title.endswith("limit reached")


def test_a_digest_accounts_for_everything() -> None:
    rows = tuple(DigestRow("high", f"A{i}", 2, i == 0, "limit") for i in range(40))
    digest = Digest(NOW - 90_000, NOW, held=100, still_open=1, rows=rows)
    made = present(message("digest", digest=digest), NOW)

    assert made.title == "📋 DIGEST 100 alerts were held back, 1 still firing"
    assert made.lines[0].words == "14 Jan 07:00 UTC to 08:00 UTC"
    assert made.lines[1].words == "🟠 high A0 (2 times), still firing; held back: limit"
    assert made.lines[-1].words == "… and 70 more"
    assert len(made.lines) == 17
    one = replace(digest, held=1, still_open=0, rows=(DigestRow("x", "A", 1, False, "y"),))
    assert present(message("digest", digest=one), NOW).title.endswith(
        "1 alert was held back, all over"
    )


def test_a_template_replaces_words_and_nothing_else() -> None:
    made = present(message(text=("Own title", "first\n\nthird")), NOW)

    assert (made.title, made.subject) == ("Own title", "Own title")
    assert [row.words for row in made.lines] == ["first", "", "third"]
    assert made.links
    assert made.verdicts
    assert present(message(text=("", "b")), NOW).title.startswith("🔴 CRITICAL")


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_test_says_so(kind: Sample) -> None:
    made = present(message(kind, is_test=True), NOW)

    assert made.title.startswith("🧪 TEST ")
    assert made.subject.startswith("[TEST] ")


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (Reading(value=5.0), "5"),
        (Reading(value=5.0, expected=2.0), "5, expected 2 (2.5 times as much)"),
        (Reading(value=5.0, expected=0.001), "5, expected 0.001 (over 100 times as much)"),
        (Reading(value=5.0, lower=6.0, upper=7.0), "5, expected 6 to 7 (below)"),
        (Reading(value=8.0, lower=6.0, upper=7.0), "8, expected 6 to 7 (above)"),
        (Reading(value=1.0, lower=1.0, upper=1.0, unit="ratio"), "100 %, expected 100 %"),
        (Reading(value=2.0**30, unit="bytes"), "1 GiB"),
        (Reading(value=float("nan")), ""),
        (Reading(value=float("inf")), ""),
        (Reading(), ""),
    ],
)
def test_now_against_expected(reading: Reading, words: str) -> None:
    assert line(message(reading=reading, sparkline=""), "now") == words


def test_what_is_not_known_is_left_out() -> None:
    bare = present(MESSAGE, NOW + 60)

    assert bare.text().splitlines() == [
        "🔵 CRITICAL cpu: CpuAnomaly",
        "cpu is unusual",
        "since: 08:00 UTC (1 min)",
        "CpuAnomaly odd=ü %s [31m",
    ]
    assert [button.text for button in bare.links] == ["Incident"]
    assert bare.verdicts == ()


def test_details_of_other_peoples_alerts_are_shown() -> None:
    annotations = {"summary": "disk", "description": "the disk of db1 is full"}
    other = replace(MESSAGE, query="", severity="none", level="high", annotations=annotations)

    made = present(other, NOW)
    assert made.title == "🟠 HIGH CpuAnomaly"
    assert made.subject == "[HIGH] CpuAnomaly"
    assert line(other, "details") == "the disk of db1 is full"
    assert line(replace(other, reading=Reading(value=1.0)), "details") != ""
    assert line(replace(other, reading=Reading(value=1.0, expected=2.0)), "details") == ""


def test_one_series_of_many_names_nobody_else() -> None:
    assert line(message(siblings=Siblings(1, None, ())), "since") == "07:49 UTC (11 min)"
    assert "1 of 5 series" in line(message(siblings=Siblings(1, 5, ("a",))), "since")


def test_a_resolved_without_a_course_shows_the_last_value() -> None:
    for course in (None, Course([NOW + 9_999], [1.0], [0.0], [2.0])):
        made = message("resolved", course=course)
        assert line(made, "last").startswith("0.36 s, expected")


def test_below_normal() -> None:
    made = message(reading=Reading(value=0.0, lower=1.0, upper=2.0))

    assert present(made, NOW).title.endswith(": below normal")


def test_titles_are_one_short_line_whatever_labels_say() -> None:
    made = message(
        query=HOSTILE * 50, alertname=HOSTILE, labels={"service": HOSTILE}, severity=HOSTILE * 9
    )
    sheet = present(made, NOW)

    for text in (sheet.title, sheet.subject, sheet.summary, *sheet.text().splitlines()):
        assert text.isprintable()
    assert max(len(sheet.title), len(sheet.subject)) <= 140


def test_a_verdict_knows_its_token() -> None:
    for url in ("https://a/feedback/v1.tok?verdict=x", "https://a/feedback/v1.tok/"):
        assert Button("confirm", "Confirmed", url).token == "v1.tok"
