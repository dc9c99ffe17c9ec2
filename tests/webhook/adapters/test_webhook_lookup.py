"""What a real Prometheus tells of an alert, and what comes of one that does not answer."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from promkit.httpconfig import HttpConfig
from promkit.log import trace_id
from promkit.traces import new_trace_id, trace_of
from tests.webhook.knownprometheus import ALERT, SERIES, KnownPrometheus
from webhook.adapters.lookup import find_course, find_series, look_up
from webhook.adapters.prometheus import MAX_BODY, Prometheus, PrometheusError
from webhook.core.facts import Breach
from webhook.core.links import series_labels
from webhook.core.why import Signals


@pytest.fixture
def prometheus(known: KnownPrometheus) -> Iterator[Prometheus]:
    client = Prometheus(known.url, HttpConfig())
    yield client
    client.close()


async def test_an_alert_finds_its_series_with_all_that_is_known(
    known: KnownPrometheus, prometheus: Prometheus
) -> None:
    labels = series_labels(ALERT)

    found, problems = await look_up(
        prometheus, labels, "AnomalyBreachPredicted", known.at, 10.0, is_over=False
    )

    assert not problems
    assert found is not None
    # Neither the neighbour's, nor with labels that were added to the alert on its way.
    assert found.labels == SERIES
    reading = found.reading
    assert (reading.value, reading.expected, reading.lower, reading.upper) == (
        1.84, 0.31, 0.21, 0.47,
    )  # fmt: skip
    assert (reading.score, reading.threshold, reading.sigmas) == (0.97, 0.6, 23.5)
    assert reading.unit == "seconds"
    assert found.watched == 12
    assert found.breach == Breach(known.at + 7800, known.at + 5400, math.inf, 0.8)
    assert found.signals == Signals(
        detectors={"mad": 0.98, "zscore": 0.2},
        highest={"mad": 0.99},
        is_new_pattern=True,
        yesterday=0.24,
        last_week=0.25,
    )
    course = found.course
    assert course is not None
    assert len(course.times) == 180
    assert course.times[-1] == pytest.approx(known.at)
    assert course.values[-1] == 1.84
    assert course.values[0] == 0.31
    assert set(course.lower) == {0.21}


async def test_what_rules_hold_on_to_is_the_last_anomalous_sample(
    known: KnownPrometheus, prometheus: Prometheus
) -> None:
    labels, later = series_labels(ALERT), known.at + 8 * 60

    held = await find_series(prometheus, labels, later, 10.0, is_over=False)
    over = await find_series(prometheus, labels, later, 10.0, is_over=True)

    assert held is not None
    assert over is not None
    assert held.reading.value == 1.84
    assert over.reading.value == 0.31


@pytest.mark.parametrize(
    "labels", [{"query": "latency"}, {"query": "nobody", "pod": "x"}, {**SERIES, "pod": "p-3"}]
)
async def test_no_series_is_better_than_another_one(
    known: KnownPrometheus, prometheus: Prometheus, labels: dict[str, str]
) -> None:
    assert await find_series(prometheus, labels, known.at, 10.0, is_over=False) is None
    assert await find_course(prometheus, {"query": "nobody"}, known.at, 10.0) is None


@pytest.mark.parametrize("past", [10_800.0, 10_838.456_7, 10_839.5])
async def test_the_newest_sample_is_shown_whatever_the_time_is(
    known: KnownPrometheus, prometheus: Prometheus, past: float
) -> None:
    course = await find_course(prometheus, SERIES, known.at + 0.000_4, 10.0, past)

    assert course is not None
    assert not math.isnan(course.values[-1])
    assert 0.0 <= known.at + 0.000_4 - course.times[-1] < 0.001


async def test_a_series_that_has_just_begun_is_shown_more_closely(
    known: KnownPrometheus, prometheus: Prometheus
) -> None:
    expr = 'anomaly_value{service="checkout"}'
    tracks = await prometheus.course(expr, known.at - 86_400.0, known.at, 60.0, 10.0)
    began = min(track.times[0] for track in tracks)

    for age, step in ((120.0, 5.0), (7_200.0, 60.0)):
        course = await find_course(prometheus, SERIES, began + age, 10.0)
        assert course is not None
        assert course.times[1] - course.times[0] == step


async def test_a_query_that_prometheus_refuses_is_told_in_its_words(prometheus: Prometheus) -> None:
    with pytest.raises(PrometheusError, match="parse error") as raised:
        await prometheus.instant("sum(", 0.0, 5.0)
    assert raised.value.reason == "rejected"


@asynccontextmanager
async def answering(
    body: bytes, status: int = 200, hang: bool = False
) -> AsyncIterator[Prometheus]:
    released = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        if hang:
            await released.wait()
        headers = {"Location": "http://127.0.0.1:1/"} if status == 302 else {}
        return web.Response(body=body, status=status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        client = Prometheus(str(server.make_url("/")), HttpConfig())
        yield client
        released.set()
        client.close()


_VECTOR = b'{"status":"success","data":{"resultType":"vector","result":[%s]}}'


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"<html>sign in</html>", 200, "garbage"),
        (b"[" * 100_000, 200, "garbage"),
        (b'{"status":"success"}', 200, "garbage"),
        (b'{"status":"success","data":{"resultType":"matrix","result":[]}}', 200, "garbage"),
        (_VECTOR % b'{"metric":{"a":"b"},"value":[1,"many"]}', 200, "garbage"),
        (_VECTOR % b'{"metric":[],"value":[1,"1"]}', 200, "garbage"),
        (_VECTOR % b'{"metric":{},"value":["NaN","1"]}', 200, "garbage"),
        (b" " * (MAX_BODY + 1), 200, "too_large"),
        (b"", 302, "rejected"),
        (b"<html>", 503, "rejected"),
    ],
)
async def test_an_answer_that_is_none_says_what_it_is(
    body: bytes, status: int, reason: str
) -> None:
    async with answering(body, status) as client:
        with pytest.raises(PrometheusError) as raised:
            await client.instant("up", 1.0, 5.0)
    assert raised.value.reason == reason


async def test_a_prometheus_that_hangs_costs_the_time_that_it_was_given_and_no_more() -> None:
    async with answering(b"", hang=True) as client, asyncio.timeout(5):
        # More than there are threads: what waits for one is given up, too.
        found = await asyncio.gather(
            *(client.instant("up", 1.0, 0.3) for _ in range(9)), return_exceptions=True
        )
    assert [getattr(each, "reason", each) for each in found] == ["timeout"] * 9


async def test_a_prometheus_that_is_down_is_unreachable_and_its_url_no_part_of_the_message() -> (
    None
):
    client = Prometheus("http://s3cr3t:pw@127.0.0.1:1", HttpConfig())
    with pytest.raises(PrometheusError) as raised:
        await client.instant("up", 1.0, 5.0)
    client.close()
    assert raised.value.reason == "unreachable"
    assert "s3cr3t" not in str(raised.value)


async def test_who_waits_while_a_reload_closes_it_gets_an_error_and_is_not_cancelled() -> None:
    async with answering(b"", hang=True) as client, asyncio.timeout(5):
        # More than there are threads, so that some wait for one.
        waiting = [asyncio.create_task(client.instant("up", 1.0, 1.0)) for _ in range(9)]
        await asyncio.sleep(0)
        client.close()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        with pytest.raises(PrometheusError, match="another Prometheus") as raised:
            await client.instant("up", 1.0, 1.0)
    assert {type(each) for each in found} == {PrometheusError}
    assert raised.value.reason == "unreachable"


async def test_prometheus_is_told_for_which_trace_it_is_asked() -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("traceparent", ""))
        return web.Response(body=_VECTOR % b"")

    app = web.Application()
    app.router.add_post("/api/v1/query", answer)
    trace = new_trace_id()
    async with TestServer(app) as server:
        client = Prometheus(str(server.make_url("/")), HttpConfig())
        trace_id.set(trace)
        await client.instant("up", 1.0, 5.0)
        client.close()
    assert [trace_of(each) for each in seen] == [trace]
