import itertools
import json
import logging
import threading
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import requests
import responses
from responses import matchers

from exporter.adapters.prometheus import PrometheusSource
from exporter.core.grid import grid
from exporter.errors import DataError, QueryError, QueryRejected, SourceUnavailable
from tests.exporter.adapters.rawserver import raw_server

URL = "http://anna:geheim@prometheus.test:9090/prom/"
RANGE = f"{URL}api/v1/query_range"
BUILD = f"{URL}api/v1/status/buildinfo"
SAFE = "http://prometheus.test:9090/prom"
STEP = 15_000
START = 1_763_700_000_000


class Time:
    """Stands still but for sleeps, and for what each look at it costs."""

    def __init__(self, cost: float = 0.0) -> None:
        self.seconds = 0.0
        self.cost = cost
        self.slept: list[float] = []

    def monotonic(self) -> float:
        self.seconds += self.cost
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def source_of(url: str = URL, clock: Time | None = None, **limits: int) -> PrometheusSource:
    clock = clock or Time()
    return PrometheusSource(
        url,
        requests.Session(),
        monotonic=clock.monotonic,
        sleep=clock.sleep,
        jitter=lambda: 0.5,
        **limits,
    )


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]], **more: object) -> str:
    result = [{"metric": labels, "values": values} for labels, values in series]
    data = {"resultType": "matrix", "result": result}
    return json.dumps({"status": "success", "data": data, **more}, separators=(",", ":"))


def error(kind: str, message: str) -> str:
    return json.dumps({"status": "error", "errorType": kind, "error": message})


def sent(request: requests.PreparedRequest) -> dict[str, str]:
    body = request.body
    assert isinstance(body, str)
    return {name: values[0] for name, values in parse_qs(body).items()}


def ramp(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
    """Answer with a series that is there at every column, and one at early slices' beginnings."""
    asked = sent(request)
    times = grid(int(float(asked["start"]) * 1000), int(float(asked["end"]) * 1000), STEP)
    always = [(time / 1000, str(time - START)) for time in times.tolist()]
    series = [({"a": "always"}, always)]
    if times[0] < START + 1_000 * STEP:
        series.insert(0, ({"a": "sometimes"}, always[:1]))
    return 200, {}, matrix(*series)


@responses.activate
def test_asks_for_the_grid_in_a_form_and_uncompressed() -> None:
    responses.post(
        RANGE,
        body=matrix(({"a": "b"}, [(START / 1000, "1"), (START / 1000 + 30, "+Inf")])),
        match=[matchers.header_matcher({"Accept-Encoding": "identity"})],
    )
    batch = source_of().fetch('up{a="b"}', START, START + 2 * STEP, STEP, 10.0)
    assert batch.keys == (b'{"a":"b"}',)
    np.testing.assert_array_equal(batch.values, [[1.0, np.nan, np.inf]])
    assert sent(responses.calls[0].request) == {
        "query": 'up{a="b"}',
        "start": "1763700000.000",
        "end": "1763700030.000",
        "step": "15.000",
        "timeout": "10.000",
    }


@responses.activate
def test_a_long_range_is_asked_for_in_slices_under_the_limits() -> None:
    responses.add_callback(responses.POST, RANGE, ramp)
    columns = 5_001
    end = START + (columns - 1) * STEP
    batch = source_of(max_points=1_001, max_samples=1_500).fetch("up", START, end, STEP, 10.0)
    asked = [sent(call.request) for call in responses.calls]
    widths = [(float(one["end"]) - float(one["start"])) / 15 + 1 for one in asked]
    assert widths[0] == 64
    assert max(widths) == 1_001  # one series, 1,500 samples would be allowed
    assert sum(widths) == columns
    assert 750 in widths  # after a slice with two series
    rows = dict(zip(batch.keys, batch.values, strict=True))
    np.testing.assert_array_equal(rows[b'{"a":"always"}'], np.arange(columns) * float(STEP))
    assert np.isnan(rows[b'{"a":"sometimes"}']).sum() > columns - len(widths)


@responses.activate
def test_no_series_is_an_answer() -> None:
    responses.post(RANGE, body=matrix())
    assert source_of().fetch("up", START, START + STEP, STEP, 10.0).values.shape == (0, 2)


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, error("bad_data", "1:4: parse error"), f"{SAFE} answered 400: 1:4: parse error"),
        (422, error("execution", "many-to-many"), f"{SAFE} answered 422: many-to-many"),
        (401, "Unauthorized", "401; check basic_auth or authorization"),
        (403, "", "403; these credentials may not query"),
        (404, "404 page not found", "404; is this a Prometheus URL?"),
        (302, "", "302; redirects are not followed"),
    ],
)
def test_a_refusal_is_final_and_says_why(status: int, body: str, said: str) -> None:
    elsewhere = {"Location": "http://elsewhere.test/"}
    responses.post(RANGE, body=body, status=status, headers=elsewhere)
    with pytest.raises(QueryRejected) as caught:
        source_of().fetch("up", START, START, STEP, 10.0)
    assert caught.value.reason == "rejected"
    assert said in str(caught.value)
    assert len(responses.calls) == 1


@responses.activate
def test_outages_are_waited_out_with_growing_pauses() -> None:
    clock = Time()
    responses.post(RANGE, body=error("timeout", "query timed out"), status=503)
    responses.post(RANGE, body=requests.ConnectionError(ConnectionRefusedError(111, "refused")))
    responses.post(RANGE, status=429)
    responses.post(RANGE, body=matrix(isPartial=True))
    responses.post(RANGE, body=matrix())
    source_of(clock=clock).fetch("up", START, START, STEP, 60.0)
    assert clock.slept == [0.25, 0.5, 1.0, 2.0]
    assert float(sent(responses.calls[-1].request)["timeout"]) == 60.0 - 3.75


@responses.activate
@pytest.mark.parametrize(
    ("body", "status", "reason", "said"),
    [
        (error("timeout", "overload"), 503, "unavailable", "answered 503: overload"),
        ("oops", 502, "unavailable", "answered 502"),
        (matrix(isPartial=True), 200, "unavailable", "partial data"),
        (requests.ReadTimeout("slow"), 200, "timeout", "did not answer in time"),
        (
            requests.ConnectionError(f"cannot connect to {URL}", ConnectionRefusedError(111, "no")),
            200,
            "unavailable",
            "cannot be reached: ConnectionError",
        ),
    ],
)
def test_gives_up_in_time_and_says_what_was_wrong(
    body: str | Exception, status: int, reason: str, said: str
) -> None:
    clock = Time()
    responses.post(RANGE, body=body, status=status)
    with pytest.raises(SourceUnavailable) as caught:
        source_of(clock=clock).fetch("up", START, START, STEP, 10.0)
    assert caught.value.reason == reason
    assert said in str(caught.value)
    assert len(responses.calls) > 3
    assert 5.0 < clock.seconds < 10.0


@responses.activate
def test_slices_share_one_deadline() -> None:
    responses.add_callback(responses.POST, RANGE, ramp)
    with pytest.raises(SourceUnavailable) as caught:
        source_of(clock=Time(cost=1.0), max_points=1).fetch("up", START, START * 2, STEP, 50.0)
    assert caught.value.reason == "timeout"
    assert len(responses.calls) < 50


@responses.activate
@pytest.mark.parametrize(
    "body", [error("bad_data", "no"), "<html>", requests.ConnectionError(f"cannot reach {URL}")]
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_no_message_holds_credentials(
    status: int, body: str | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    responses.post(RANGE, body=body, status=status)
    with pytest.raises(QueryError, match=r"^((?!anna|geheim).)*$"):
        source_of().fetch("up", START, START, STEP, 0.1)
    assert "geheim" not in caplog.text


@responses.activate
def test_a_page_of_another_server_is_malformed() -> None:
    responses.post(RANGE, body="<html>Please log in</html>")
    with pytest.raises(DataError, match=r"it begins with '<html>Please log in"):
        source_of().fetch("up", START, START, STEP, 10.0)


@responses.activate
def test_an_answer_that_is_too_large_is_not_read_to_its_end() -> None:
    responses.post(RANGE, body=matrix(({"a": "x" * 2_000_000}, [(START / 1000, "1")])))
    with pytest.raises(DataError, match=r"larger than 1000000 bytes; select fewer series"):
        source_of(max_bytes=1_000_000).fetch("up", START, START, STEP, 10.0)


@responses.activate
def test_an_answer_that_comes_too_slowly_is_left() -> None:
    responses.post(RANGE, body=matrix(({"a": "x" * 2_000_000}, [(START / 1000, "1")])))
    with pytest.raises(SourceUnavailable, match="did not answer in time"):
        source_of(clock=Time(cost=1.0)).fetch("up", START, START, STEP, 8.0)


@responses.activate
def test_an_error_page_is_read_no_further_than_a_message_reaches() -> None:
    responses.post(RANGE, body="x" * 2_000_000, status=400)
    with pytest.raises(QueryRejected, match=r"answered 400$"):
        source_of(max_bytes=1_000_000).fetch("up", START, START, STEP, 10.0)


@responses.activate
def test_takes_get_where_post_is_not_allowed() -> None:
    responses.post(RANGE, status=405)
    responses.get(RANGE, body=matrix())
    source = source_of()
    source.fetch("up", START, START, STEP, 10.0)
    source.fetch("up", START, START, STEP, 10.0)
    assert [call.request.method for call in responses.calls] == ["POST", "GET", "GET"]
    url = responses.calls[1].request.url
    assert url is not None
    assert parse_qs(urlsplit(url).query)["query"] == ["up"]


@responses.activate
def test_warnings_are_logged_once_per_query(caplog: pytest.LogCaptureFixture) -> None:
    responses.post(RANGE, body=matrix(warnings=["store 3 is down"]))
    source = source_of()
    for expr in ("up", "up", "down"):
        source.fetch(expr, START, START, STEP, 10.0)
    assert [vars(record)["expr"] for record in caplog.records] == ["up", "down"]
    assert vars(caplog.records[0])["warnings"] == "store 3 is down"


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "version"),
    [
        (200, '{"status":"success","data":{"version":"2.42.0"}}', "2.42.0"),
        (200, '{"status":"success","data":{}}', "unknown"),
        (200, "<html>", "unknown"),
        (404, "404 page not found", "unknown"),
    ],
)
def test_probe_tells_the_version(status: int, body: str, version: str) -> None:
    responses.get(BUILD, body=body, status=status)
    assert source_of().probe(5.0) == version


@responses.activate
def test_probe_fails_where_a_query_would() -> None:
    responses.get(BUILD, status=401)
    with pytest.raises(QueryRejected, match="check basic_auth"):
        source_of().probe(5.0)


def dripping(head: bytes) -> Iterator[bytes]:
    yield head
    for _ in itertools.count():
        threading.Event().wait(0.02)
        yield b"x"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
    ids=["in the headers", "in the body", "in a chunk", "to the end"],
)
def test_a_dripping_server_does_not_hold_us(head: bytes) -> None:
    with raw_server(lambda _: dripping(head)) as url:
        source = PrometheusSource(url, requests.Session())
        began = time.monotonic()
        with pytest.raises(SourceUnavailable) as caught:
            source.fetch("up", START, START, STEP, 0.5)
        assert caught.value.reason == "timeout"
        assert time.monotonic() - began < 5.0


def test_a_connection_is_kept_and_an_answer_that_breaks_off_is_asked_for_again() -> None:
    whole = matrix(({"a": "b"}, [(START / 1000, "1")])).encode()
    answers = iter([whole[:20], whole])

    def script(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(whole), next(answers))

    with raw_server(script) as url:
        batch = PrometheusSource(url, requests.Session()).fetch("up", START, START, STEP, 10.0)
    assert batch.values.tolist() == [[1.0]]


def test_nobody_there() -> None:
    with raw_server(lambda _: iter(())) as url:
        pass
    with pytest.raises(SourceUnavailable, match=r"127.0.0.1:\d+ cannot be reached: Connection ref"):
        PrometheusSource(url, requests.Session()).fetch("up", START, START, STEP, 0.2)


def test_through_a_proxy_the_deadline_holds_too() -> None:
    with raw_server(lambda _: dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ")) as proxy:
        session = requests.Session()
        session.trust_env = False
        session.proxies = {"http": proxy}
        with pytest.raises(SourceUnavailable) as caught:
            PrometheusSource("http://prometheus.test", session).fetch("up", START, START, STEP, 0.5)
    assert caught.value.reason == "timeout"
