"""What does Prometheus answer to a range query, and what does it mean when it does not?"""

import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import msgspec
import requests
from requests.exceptions import RequestException

from exporter.adapters.matrix import decode_matrix
from exporter.core.grid import join, to_batch
from exporter.core.series import SeriesBatch
from exporter.errors import DataError, QueryRejected, SourceUnavailable
from promkit.deadline import bound_whole_answers
from promkit.errors import SecretUnavailable
from promkit.traces import trace_headers

log = logging.getLogger(__name__)

POINT_LIMIT = 11_000
"""Columns that Prometheus grants a range query (web/api/v1/api.go)."""

_FIRST_COLUMNS = 64  # asked for while the number of series is unknown
_GROWTH = 16  # at most so many times the columns of the request before
_PIECE = 1 << 18
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
_ERROR_BODY = 1 << 16
_BACKOFF_FIRST = 0.25
_BACKOFF_LONGEST = 5.0
_UNTYPED = {"unknown", "untyped", ""}


class _Declared(msgspec.Struct):
    type: str = ""


class _Metadata(msgspec.Struct):
    data: dict[str, list[_Declared]]


_metadata = msgspec.json.Decoder(_Metadata)


class PrometheusSource:
    """Range queries against one Prometheus, or what speaks its API.

    Parameters
    ----------
    url : where its API starts, for example http://localhost:9090 or https://host/prometheus
    session : carries credentials, TLS and headers; its answers become bounded in time
    max_points : columns of one request at most
    max_samples : series times columns that one request should not exceed; long ranges of many
        series are asked for in slices, which bounds the memory on both sides
    max_bytes : body of one answer at most
    monotonic, sleep, jitter : seconds that never go back; wait so many; random in [0, 1)
    """

    def __init__(
        self,
        url: str,
        session: requests.Session,
        *,
        max_points: int = POINT_LIMIT,
        max_samples: int = 1_000_000,
        max_bytes: int = 1 << 28,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        bound_whole_answers(session)
        self._url = url.rstrip("/")
        self._address = address_of(url)
        self._session = session
        self._max_points = max_points
        self._max_samples = max_samples
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._sleep = sleep
        self._jitter = jitter
        self._method = "POST"
        self._warned: set[str] = set()

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        """Evaluate an expression at every column from `start` to `end`.

        Parameters
        ----------
        expr : PromQL
        start, end : unix milliseconds of the first and the last column, multiples of `step`
        step : milliseconds
        timeout : seconds for everything: slices, retries and the pauses between them

        Raises
        ------
        QueryRejected
            Prometheus refuses the query as it stands, or is not there under this URL.
        SourceUnavailable
            No complete answer in time. An answer that calls itself partial counts as none: a
            series it lacks would look as if it had vanished.
        DataError
            The answer is not what a range query returns.
        """
        deadline = self._monotonic() + timeout
        parts: list[SeriesBatch] = []
        columns = min(_FIRST_COLUMNS, self._max_points)
        while not parts or start <= end:
            last = min(end, start + (columns - 1) * step)
            part = self._ask(expr, start, last, step, deadline)
            parts.append(part)
            start = last + step
            affordable = self._max_samples // max(1, len(part.keys))
            columns = max(1, min(self._max_points, columns * _GROWTH, affordable))
        return join(parts)

    def probe(self, timeout: float) -> str:
        """Return the server's version, "unknown" where it does not tell.

        Raises
        ------
        QueryRejected, SourceUnavailable
            As for `fetch`, without retries.
        """
        deadline = self._monotonic() + timeout
        status, body = self._exchange("GET", "/api/v1/status/buildinfo", {}, deadline)
        if status == requests.codes.not_found:
            return "unknown"
        self._raise_for(status, body)
        try:
            return str(json.loads(body)["data"]["version"])
        except (ValueError, KeyError, TypeError):
            return "unknown"

    def metric_types(self, timeout: float) -> dict[str, frozenset[str]]:
        """Return metric name -> the types that its targets declare, of those that declare one.

        Raises
        ------
        QueryRejected, SourceUnavailable, DataError
            As for `fetch`, without retries.
        """
        deadline = self._monotonic() + timeout
        status, body = self._exchange("GET", "/api/v1/metadata", {}, deadline)
        self._raise_for(status, body)
        try:
            named = _metadata.decode(body).data
        except msgspec.DecodeError as error:
            raise DataError(f"the answer is not the JSON of metadata: {error}") from error
        types = {name: frozenset(one.type for one in each) for name, each in named.items()}
        types = {name: each - _UNTYPED for name, each in types.items()}
        return {name: each for name, each in types.items() if each}

    def _ask(self, expr: str, start: int, end: int, step: int, deadline: float) -> SeriesBatch:
        """Ask until there is an answer or no time for another try."""
        pause = _BACKOFF_FIRST
        while True:
            try:
                return self._ask_once(expr, start, end, step, deadline)
            except SourceUnavailable:
                wait = pause * (0.5 + self._jitter())
                if self._monotonic() + wait >= deadline:
                    raise
                self._sleep(wait)
                pause = min(2 * pause, _BACKOFF_LONGEST)

    def _ask_once(self, expr: str, start: int, end: int, step: int, deadline: float) -> SeriesBatch:
        parameters = {
            "query": expr,
            "start": f"{start / 1000:.3f}",
            "end": f"{end / 1000:.3f}",
            "step": f"{step / 1000:.3f}",
            "timeout": f"{max(0.001, deadline - self._monotonic()):.3f}",
        }
        path = "/api/v1/query_range"
        status, body = self._exchange(self._method, path, parameters, deadline)
        if status == requests.codes.method_not_allowed and self._method == "POST":
            self._method = "GET"  # a proxy that lets nothing but reads through
            status, body = self._exchange("GET", path, parameters, deadline)
        self._raise_for(status, body)
        matrix = decode_matrix(body)
        if matrix.is_partial:
            raise SourceUnavailable("unavailable", f"{self._address} answered with partial data")
        if matrix.warnings and expr not in self._warned:
            self._warned.add(expr)
            log.warning(
                "Prometheus warns about a query; further warnings for it are not logged",
                extra={"expr": expr, "warnings": "; ".join(matrix.warnings)},
            )
        return to_batch(
            matrix.keys,
            matrix.lengths,
            matrix.times,
            matrix.values,
            start=start,
            end=end,
            step=step,
            histograms=matrix.histograms,
        )

    def _exchange(
        self, method: str, path: str, parameters: Mapping[str, str], deadline: float
    ) -> tuple[int, bytes]:
        """Return status and body of one request."""
        left = deadline - self._monotonic()
        if left <= 0:
            raise self._too_late()
        try:
            with self._session.request(
                method,
                self._url + path,
                data=parameters if method == "POST" else None,
                params=parameters if method == "GET" else None,
                # Compressing costs the server several times what it costs to answer.
                headers={**_HEADERS, **trace_headers()},
                timeout=left,
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, self._read(response, deadline)
        except RequestException as error:
            raise self._unreachable(error) from error
        except SecretUnavailable as error:  # its file may be in the middle of a rotation
            raise SourceUnavailable("unavailable", str(error)) from error
        except OSError as error:  # a certificate's file cannot be read; names it
            why = f"{self._address} cannot be asked: {error}"
            raise SourceUnavailable("unavailable", why) from error

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        is_error = response.status_code != requests.codes.ok
        pieces: list[bytes] = []
        size = 0
        for piece in response.iter_content(_PIECE):
            if self._monotonic() > deadline:
                raise self._too_late()
            pieces.append(piece)
            size += len(piece)
            if is_error and size >= _ERROR_BODY:
                break
            if size > self._max_bytes:
                raise DataError(
                    f"the answer of {self._address} is larger than {self._max_bytes} bytes; "
                    "select fewer series or take a larger step"
                )
        return b"".join(pieces)

    def _raise_for(self, status: int, body: bytes) -> None:
        if status == requests.codes.ok:
            return
        said = f"{self._address} answered {status}"
        if message := _error_of(body):
            said += f": {message}"
        if status >= 500 or status == requests.codes.too_many_requests:
            raise SourceUnavailable("unavailable", said)
        advice = _ADVICE.get(300 if 300 <= status < 400 else status, "")
        raise QueryRejected("rejected", said + advice)

    def _unreachable(self, error: RequestException) -> SourceUnavailable:
        cause: BaseException = error
        while (deeper := cause.__cause__ or cause.__context__) is not None:
            cause = deeper
        if isinstance(error, requests.Timeout) or isinstance(cause, TimeoutError):
            return self._too_late()
        # Only the system's own words: the texts of the layers above can carry a whole URL.
        why = type(cause).__name__
        if isinstance(cause, OSError) and not isinstance(cause, RequestException):
            why = cause.strerror or why
        return SourceUnavailable("unavailable", f"{self._address} cannot be reached: {why}")

    def _too_late(self) -> SourceUnavailable:
        return SourceUnavailable("timeout", f"{self._address} did not answer in time")


_ADVICE = {
    300: "; redirects are not followed, set the URL to where the server really is",
    401: "; check basic_auth or authorization",
    403: "; these credentials may not query, check the server's permissions",
    404: "; is this a Prometheus URL? A path prefix such as /prometheus may be missing",
}


def address_of(url: str) -> str:
    """Return a URL without the parts that may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _error_of(body: bytes) -> str:
    """Return the message of Prometheus' error object, "" where there is none."""
    try:
        return str(json.loads(body)["error"])[:500]
    except (ValueError, KeyError, TypeError):
        return ""
