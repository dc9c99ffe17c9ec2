"""What people read on the start page."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from exporter.adapters.frontpage import front_page
from exporter.adapters.nextsteps import NEXT_STEPS, Fault
from exporter.adapters.pagerows import Cost, CycleRow, Overview, Problem, QueryRow
from exporter.adapters.pagewords import amount, size, span

NOW = 1_763_700_000.0
BUSY = QueryRow(
    query="load",
    state="warming up",
    series=40,
    warming=12,
    ready_in=3 * 3600.0,
    evaluated=NOW - 12.0,
    interval=15.0,
    cost=Cost(0.25, 0.0034, 1),
    size=3 << 20,
    weights={"forecast_error": 0.8, "novelty": 1.1, "mad": 1.0},
    ratios={"forecast_error": 0.8, "novelty": 1.1},
    version=(3, NOW - 86_400.0),
    moved=(2, 1),
    forecast=CycleRow("ok", NOW - 120.0),
    drift=CycleRow("failing", None, Problem("drift check", "disk <full>", "baseline")),
)


EMPTY = Overview(version="1.2.3", now=NOW)


def page(*rows: QueryRow, told: Overview = EMPTY) -> str:
    return front_page(replace(told, rows=rows), "<p>none</p>", refreshes=True)


def texts(found: str) -> str:
    """Return what is read, without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found)).replace("&nbsp;", " ")


def test_a_query_tells_what_it_costs_and_when_it_is_warm() -> None:
    told = texts(page(BUSY))
    for words in (
        "12 of 40 warming up, ready within about 3 h",
        "3 MiB of memory",
        "forecast_error 0.8 (lowered by verdicts), novelty 1.1 (raised by verdicts), mad 1",
        "version 3, made 1 d ago",
        "12 s ago",
        "3.4 ms, 0.023 % of the interval",
        "85 µs per series, 1 instant",
        "before that Prometheus 250 ms",
        "2 thresholds and 1 weight moved",
        "ok 2 min ago",
        "failing never",
        "1 query, 40 series, 12 of them warming up",
    ):
        assert words in told


def test_what_is_not_known_is_said_to_be() -> None:
    told = texts(page(QueryRow(query="new", state="first evaluation", weights={"mad": 1.0})))
    assert "not known yet" in told
    assert "never" in told
    assert "Memory: not known here. State file: not written yet." in told
    assert "Verdicts: are not asked for." in told
    some = QueryRow(query="old", state="ok", series=2, warming=1, moved=(0, 0))
    told = texts(
        page(some, told=replace(EMPTY, verdicts_read=0.0, memory=1 << 30, state_bytes=512))
    )
    assert "1 of 2 warming up " in told  # since when it is ready cannot be told
    assert "nothing moved" in told
    assert "Memory: 1 GiB. State file: 512 bytes. Verdicts: never read yet." in told
    assert "No queries are configured." in page()


def test_every_failure_comes_with_what_to_do_about_it() -> None:
    refused = Problem("evaluation", "1:4: <error>", "rejected", 'up{a="b"} > 1')
    full = Problem("state file", "no space", "state")
    rows = (QueryRow(query="<b>", state="failing", problems=[refused]), BUSY)
    found = page(*rows, told=replace(EMPTY, problems=[full], prometheus="https://prom/"))
    assert "&lt;b&gt;, evaluation:" in found
    assert "1:4: &lt;error&gt;" in found
    assert 'href="https://prom/graph?g0.expr=up%7Ba%3D%22b%22%7D%20%3E%201&amp;g0.tab=1"' in found
    assert "disk &lt;full&gt;" in found
    for fault in ("rejected", "state", "baseline"):
        assert NEXT_STEPS[fault] in found
    assert found.index("state file:") < found.index("evaluation:")
    assert "Needs attention" not in page()


def test_there_is_a_next_step_for_every_reason() -> None:
    reasons = {reason for part in get_args(Fault) for reason in (get_args(part) or [part])}
    assert reasons == NEXT_STEPS.keys()


def test_tables_stay_tables_for_those_who_listen() -> None:
    found = page(BUSY)
    assert found.count("<caption>") == found.count("<table") == 1
    heads = re.findall(r'<th scope="col" role="columnheader">([^<]+)</th>', found)
    cells = re.findall(r'<td role="cell" data-label="([^"]+)">', found)
    assert heads == ["query", *cells]
    assert '<th scope="row" role="rowheader"><b>load</b></th>' in found
    assert "<script" not in found
    assert "style=" not in found


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (-3.0, "0 s"),
        (3e-7, "less than 1 µs"),
        (8.5e-5, "85 µs"),
        (0.0034, "3.4 ms"),
        (59.0, "59 s"),
        (90.0, "2 min"),
        (10_800.0, "3 h"),
        (200_000.0, "2 d"),
    ],
)
def test_lengths_in_words(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_sizes_in_words() -> None:
    assert [size(n) for n in (7, 2048, 3 << 20)] == ["7 bytes", "2 KiB", "3 MiB"]
    assert (amount(1, "query", "queries"), amount(2, "query", "queries")) == (
        "1 query",
        "2 queries",
    )
