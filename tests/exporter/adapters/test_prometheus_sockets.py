"""Servers that drip, break off or are not there, on real sockets."""

import itertools
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from exporter.adapters.prometheus import PrometheusSource
from exporter.errors import SourceUnavailable
from tests.exporter.adapters.rawserver import raw_server
from tests.exporter.adapters.staged import (
    START,
    STEP,
    matrix,
)


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


def test_a_certificate_that_is_not_there_is_named() -> None:
    session = requests.Session()
    session.trust_env = False
    session.verify = "/nowhere/ca.pem"
    with pytest.raises(SourceUnavailable, match=r"cannot be asked: .*/nowhere/ca\.pem"):
        PrometheusSource("https://127.0.0.1:1", session).fetch("up", START, START, STEP, 0.2)


def test_through_a_proxy_the_deadline_holds_too() -> None:
    with raw_server(lambda _: dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ")) as proxy:
        session = requests.Session()
        session.trust_env = False
        session.proxies = {"http": proxy}
        with pytest.raises(SourceUnavailable) as caught:
            PrometheusSource("http://prometheus.test", session).fetch("up", START, START, STEP, 0.5)
    assert caught.value.reason == "timeout"
