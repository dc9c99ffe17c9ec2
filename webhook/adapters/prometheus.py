"""What does Prometheus say, while somebody waits for a message?

Requests run in threads of their own, few of them: a Prometheus that hangs holds these, and never
those in which the store is read.
"""

import asyncio
import json
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import requests
from requests.exceptions import RequestException

from promkit.deadline import bound_whole_answers
from promkit.errors import SecretUnavailable
from promkit.httpconfig import HttpConfig, requests_session
from promkit.traces import trace_headers

PrometheusReason = Literal["timeout", "unreachable", "rejected", "garbage", "too_large"]

WORKERS = 4
MAX_BODY = 4 * 2**20
_PIECE = 1 << 16
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class PrometheusError(Exception):
    """No answer that could be used; `reason` is one of a closed set."""

    def __init__(self, reason: PrometheusReason, message: str) -> None:
        super().__init__(message)
        self.reason: PrometheusReason = reason


@dataclass(frozen=True, slots=True)
class Track:
    """A series of an answer; times in unix seconds."""

    labels: Mapping[str, str]
    times: tuple[float, ...]
    values: tuple[float, ...]


class Prometheus:
    """Queries to one Prometheus.

    Parameters
    ----------
    url : where its API starts
    config : credentials, TLS, headers and proxy
    """

    def __init__(self, url: str, config: HttpConfig) -> None:
        self._url = url.rstrip("/")
        # A session is for one thread at a time; the answers are few enough for one per request.
        self._make_session: Callable[[], requests.Session] = lambda: requests_session(config)
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="prometheus")
        self._is_closed = False

    def close(self) -> None:
        """Answer no more queries; those that run end by themselves."""
        # A cancelled future would cancel whoever awaits it, such as a loop that is to run for ever.
        self._is_closed = True
        self._threads.shutdown(wait=False)

    async def instant(self, expr: str, at: float, seconds: float) -> list[Track]:
        """Evaluate an expression at one instant; every track then has one sample.

        Raises
        ------
        PrometheusError
            Without a complete answer in so many `seconds`.
        """
        parameters = {"query": expr, "time": f"{at:.3f}"}
        return _tracks(await self._ask("query", parameters, seconds), "vector")

    async def course(
        self, expr: str, start: float, end: float, step: float, seconds: float
    ) -> list[Track]:
        """Evaluate an expression from `start` to `end`, every `step` s; raises as `instant`."""
        parameters = {
            "query": expr,
            "start": f"{start:.3f}",
            "end": f"{end:.3f}",
            "step": f"{step:.3f}",
        }
        return _tracks(await self._ask("query_range", parameters, seconds), "matrix")

    async def _ask(self, path: str, parameters: dict[str, str], seconds: float) -> bytes:
        if self._is_closed:
            raise _closed()
        deadline = time.monotonic() + seconds
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                return await loop.run_in_executor(
                    self._threads, self._fetch, path, parameters, trace_headers(), deadline
                )
        except TimeoutError:
            raise PrometheusError("timeout", f"no answer within {seconds:.1f} s") from None

    def _fetch(
        self,
        path: str,
        parameters: dict[str, str],
        trace: Mapping[str, str],
        deadline: float,
    ) -> bytes:
        if self._is_closed:
            raise _closed()
        left = deadline - time.monotonic()
        if left <= 0.01:  # it waited for a thread for so long
            raise TimeoutError
        parameters = {**parameters, "timeout": f"{left:.3f}"}
        try:
            with self._make_session() as session:
                bound_whole_answers(session)
                with session.post(
                    f"{self._url}/api/v1/{path}",
                    data=parameters,
                    headers={**_HEADERS, **trace},
                    timeout=left,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    return _body(response)
        except (requests.Timeout, TimeoutError) as error:
            raise TimeoutError from error
        except RequestException as error:
            # Its text may hold the URL, and that a password.
            raise PrometheusError("unreachable", type(error).__name__) from None
        except (SecretUnavailable, OSError) as error:
            raise PrometheusError("unreachable", str(error)) from None


def _closed() -> PrometheusError:
    return PrometheusError("unreachable", "the configuration names another Prometheus by now")


def _body(response: requests.Response) -> bytes:
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BODY:
            raise PrometheusError("too_large", f"the answer has more than {MAX_BODY} bytes")
    body = b"".join(pieces)
    if response.status_code != requests.codes.ok:
        why = f"HTTP {response.status_code}"
        raise PrometheusError("rejected", f"{why}: {_error_of(body)}")
    return body


def _error_of(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])[:200]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "no reason given"


def _tracks(body: bytes, kind: str) -> list[Track]:
    try:
        document = json.loads(body)
        data = document["data"]
        if document["status"] != "success" or data["resultType"] != kind:
            raise ValueError("not the result that was asked for")
        return [_track(item) for item in data["result"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PrometheusError(
            "garbage", f"the answer cannot be read: {type(error).__name__}"
        ) from None


def _track(item: Any) -> Track:
    samples = item["values"] if "values" in item else [item["value"]]
    labels = {str(name): str(value) for name, value in item["metric"].items()}
    times = tuple(float(at) for at, _ in samples)
    if not all(map(math.isfinite, times)):
        raise ValueError("a time that is none")
    return Track(labels, times, tuple(float(value) for _, value in samples))
