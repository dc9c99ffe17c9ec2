"""How facts are put into words: sparkline, amounts, spans, moments, reasons."""

import math
from dataclasses import replace

import pytest

from webhook.core.facts import Breach, Cause, History, Reading, Siblings
from webhook.core.links import graph_url, is_web, series_labels, silence_url
from webhook.core.present import (
    amount,
    breach_line,
    cause_line,
    history_line,
    moment,
    reading_line,
    siblings_line,
    since_line,
    span,
)
from webhook.core.samples import samples
from webhook.core.sparkline import sparkline
from webhook.core.why import Signals, why

NAN, INF = math.nan, math.inf
NOVEMBER_9 = 1_794_182_400.0  # midnight UTC


@pytest.mark.parametrize(
    ("values", "width", "line"),
    [
        ([], 8, ""),
        ([NAN, NAN], 8, ""),
        ([3.0], 8, "▁"),
        ([3.0, 3.0, 3.0], 8, "▁▁▁"),
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        ([0, NAN, 7], 8, "▁ █"),
        ([0, INF, 7], 8, "▁ █"),
        # One spike among a hundred samples is seen, whichever way it goes.
        ([*[1.0] * 50, 9.0, *[1.0] * 49], 4, "▁▁█▁"),
        ([*[9.0] * 50, 1.0, *[9.0] * 49], 4, "██▁█"),
        ([-1e308, 1e308], 2, "▁█"),
    ],
)
def test_a_sparkline_shows_what_is_farthest_from_the_usual(
    values: list[float], width: int, line: str
) -> None:
    assert sparkline(values, width) == line


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (0.0, "", "0"),
        (1234.5678, "", "1.235k"),
        (-2.5e9, "requests", "-2.5G requests"),
        (0.000123456, "", "0.0001235"),
        (1536.0, "bytes", "1.5 KiB"),
        (512.0, "bytes", "512 B"),
        (3 * 2.0**40, "bytes", "3 TiB"),
        (0.912345, "ratio", "91.23 %"),
        (1.84, "seconds", "1.84 s"),
        (7800.0, "seconds", "2 h 10 min"),
        (NAN, "seconds", "unknown"),
        (INF, "", "infinite"),
    ],
)
def test_an_amount_has_four_digits_and_its_unit(number: float, unit: str, text: str) -> None:
    assert amount(number, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min"), (660, "11 min"), (3600, "1 h"), (7800, "2 h 10 min"),
     (86_400, "1 d"), (270_000, "3 d 3 h"), (-90, "-1 min")],
)  # fmt: skip
def test_a_span_has_two_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_moment_is_on_the_readers_clock_and_has_its_date_where_that_differs() -> None:
    at = NOVEMBER_9 + 23.5 * 3600
    assert moment(at) == "9 Nov 23:30 UTC"
    assert moment(at, "Europe/Berlin") == "10 Nov 00:30 CET"
    assert moment(at, "UTC", near=NOVEMBER_9) == "23:30 UTC"
    assert moment(at, "Europe/Berlin", near=NOVEMBER_9) == "10 Nov 00:30 CET"


def test_lines_say_what_is_known_and_nothing_else() -> None:
    assert reading_line(Reading()) == ""
    assert reading_line(Reading(expected=2.0)) == "expected 2"
    assert (
        reading_line(Reading(1.84, lower=0.21, upper=0.47)) == "is 1.84; normal from 0.21 to 0.47"
    )
    assert siblings_line(Siblings(1, None, ())) == "1 series"
    assert siblings_line(Siblings(9, 12, ("a", "b"))) == "9 of 12 series: a, b and 7 more"
    assert history_line(History(0, 30)) == "first time in 30 days"
    told = History(2, 30, NOVEMBER_9, "false_alarm", NOVEMBER_9, "ana")
    assert history_line(told) == (
        "2 earlier in 30 days, the last on 9 Nov; last verdict: false alarm by ana, 9 Nov"
    )
    assert history_line(History(0, 30, None, "confirmed")).endswith("last verdict: confirmed")
    at = NOVEMBER_9 + 3600
    assert breach_line(Breach(at)) == "reaches its limit at 9 Nov 01:00 UTC"
    assert breach_line(Breach(at, at - 60, INF, 0.5)) == (
        "reaches its limit at 9 Nov 01:00 UTC, at the earliest 00:59 UTC, at the latest not within "
        "the horizon; probability 50 %"
    )
    assert "earliest" not in breach_line(Breach(at, INF, INF))
    cause = Cause(4, 5, "disk on db1", 6, False, "the same minute")
    assert cause_line(cause) == (
        "one of 5 incidents of group 4; disk on db1 moved first (incident 6); the same minute"
    )
    assert cause_line(replace(cause, is_first=True)).startswith(
        "one of 5 incidents of group 4; this one moved first"
    )


def test_every_kind_of_message_can_be_written() -> None:
    for message in samples():
        assert since_line(message)


BAND = Reading(3.6, 1.4, 1.051, 1.759, 1.0, 0.6, 47.33)


@pytest.mark.parametrize(
    ("reading", "signals", "words"),
    [
        (Reading(), Signals(), ""),
        (
            BAND,
            Signals(detectors={"mad": 0.98, "zscore": 0.91, "ewma": 0.1}),
            "3.6 is above the band 1.051 to 1.759 (47.3 sigmas); score 1 of 1, alerts from 0.6; "
            "so say mad 0.98, zscore 0.91",
        ),
        (
            replace(BAND, value=0.5, sigmas=-1000.0, score=None),
            Signals(highest={"mad": 0.9}),
            "0.5 is below the band 1.051 to 1.759 (1000 or more sigmas); "
            "highest scores over all series of the query: mad 0.9",
        ),
        (
            replace(BAND, value=1.2, sigmas=None),
            Signals(is_new_pattern=True, trend_change=-0.9),
            "1.2 is unusual though within the band 1.051 to 1.759; score 1 of 1, alerts from 0.6; "
            "it moves in a way that it has not moved in before; its trend has turned downwards",
        ),
        (
            replace(BAND, value=1.2, sigmas=None, score=0.1, threshold=None),
            Signals(trend_change=0.3, last_week=1.1),
            "1.2 is within the band 1.051 to 1.759; score 0.1 of 1; "
            "at this time it was 1.1 a week ago",
        ),
        (
            Reading(5.0, score=0.9, threshold=0.6, unit="ratio"),
            Signals(yesterday=0.1, last_week=0.2),
            "500 % is unusual for this series; score 0.9 of 1, alerts from 0.6; "
            "at this time it was 10 % yesterday and 20 % a week ago",
        ),
        (Reading(5.0), Signals(), ""),
    ],
)
def test_why_says_what_is_known_of_whom(reading: Reading, signals: Signals, words: str) -> None:
    assert why(reading, signals) == words


def test_links_quote_what_labels_hold() -> None:
    evil = {"alertname": "A", "severity": "x", "pod": 'a"} or vector(1) #\n\\', "query": "q&x=1"}
    assert series_labels({**evil, "exported_severity": "gold", "empty": ""}) == {
        "pod": evil["pod"], "query": "q&x=1", "severity": "gold",
    }  # fmt: skip
    graph = graph_url("https://p/x", series_labels(evil), NOVEMBER_9, 10_800)
    assert graph.startswith("https://p/x/graph?g0.expr=%7B__name__")
    assert "pod%3D%22a%5C%22%7D%20or%20vector%281%29%20%23%5Cn%5C%5C%22" in graph
    assert "q%26x%3D1" in graph
    assert graph.endswith("g0.range_input=3h&g0.end_input=2026-11-09%2000%3A00%3A00")
    silence = silence_url("https://am/", {"a": 'b"&c#d'})
    assert silence == "https://am/#/silences/new?filter=%7Ba%3D%22b%5C%22%26c%23d%22%7D"


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [("https://a", True), ("http://a/b?c", True), ("javascript:alert(1)", False), ("", False),
     ("https://a\nb", False), (" https://a", False), ("//a", False)],
)  # fmt: skip
def test_only_addresses_of_the_web_are_links(text: str, is_shown: bool) -> None:
    assert is_web(text) is is_shown
