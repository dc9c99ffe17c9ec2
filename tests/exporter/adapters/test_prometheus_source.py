import logging
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import requests
import responses
from responses import matchers

from exporter.errors import DataError, QueryError, QueryRejected, SourceUnavailable
from tests.exporter.adapters.staged import (
    BUILD,
    RANGE,
    SAFE,
    START,
    STEP,
    URL,
    Time,
    error,
    matrix,
    ramp,
    sent,
    source_of,
)


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
