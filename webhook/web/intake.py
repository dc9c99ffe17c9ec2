"""How does a request of Alertmanager become a commit, and what is it answered?

Alertmanager retries 5xx and nothing else: 503 when the same request can succeed later, 4xx when it
cannot, 200 only for what is committed. No redirect, since Go would drop the body and call it sent.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from webhook.adapters.recording import Recording
from webhook.core.alerts import Delivery, parse_delivery
from webhook.errors import DeliveryError, StoreRefused, StoreUnavailable
from webhook.web.parts import PARTS, Parts, error_response

log = logging.getLogger(__name__)

# Alertmanager sends everything that is due in one body: some 20,000 alerts.
MAX_BODY = 16 * 2**20
BODY_SECONDS = 10.0
COMMIT_SECONDS = 20.0
# What may wait in memory: below it all is well, above it Alertmanager keeps the rest.
MAX_WAITING = 20_000
MAX_WAITING_BYTES = 128 * 2**20
# Parsing more than this would hold up everybody else's requests for milliseconds.
_PARSE_IN_THREAD = 256 * 2**10


class Stage:
    """Bounds the requests, and the bytes of their bodies, that wait for a commit.

    Parameters
    ----------
    max_waiting, max_bytes : what may wait in memory
    body_seconds : how long a body may take to arrive
    commit_seconds : how long the commit may take before Alertmanager is asked to try again
    """

    def __init__(
        self,
        max_waiting: int = MAX_WAITING,
        max_bytes: int = MAX_WAITING_BYTES,
        body_seconds: float = BODY_SECONDS,
        commit_seconds: float = COMMIT_SECONDS,
    ) -> None:
        self.body_seconds = body_seconds
        self.commit_seconds = commit_seconds
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        self._waiting = 0
        self._bytes = 0

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """Hold a place for a body of `size` bytes.

        Raises
        ------
        StoreUnavailable
            If the stage is full.
        """
        # A body that would fit an empty stage always gets its turn.
        if self._waiting and (
            self._waiting >= self._max_waiting or self._bytes + size > self._max_bytes
        ):
            raise StoreUnavailable(f"{self._waiting} requests are waiting for the store")
        self._waiting += 1
        self._bytes += size
        try:
            yield
        finally:
            self._waiting -= 1
            self._bytes -= size


STAGE = web.AppKey("stage", Stage)


async def take_alerts(request: web.Request) -> web.Response:
    """Store a delivery; see docs/webhook.md, "The answers that Alertmanager gets"."""
    parts = request.app[PARTS]
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        return error_response(415, "the body is compressed; send it without Content-Encoding")
    size = request.content_length
    if size is not None and size > MAX_BODY:
        return _too_large()
    try:
        with request.app[STAGE].admit(MAX_BODY if size is None else size):
            return await _take(request, parts)
    except StoreUnavailable as error:
        parts.metrics.refused()
        return error_response(503, f"{error}; try again")


async def _take(request: web.Request, parts: Parts) -> web.Response:
    seconds = request.app[STAGE].body_seconds
    try:
        # A timer costs as much as reading a body that is there already.
        async with asyncio.timeout(None if request.content.is_eof() else seconds):
            raw = await request.read()
    except TimeoutError:
        response = error_response(408, f"the body did not arrive within {seconds:g} s")
        response.force_close()
        return response
    except web.HTTPRequestEntityTooLarge:
        return _too_large()
    except (ConnectionError, web.RequestPayloadError):
        log.info("a client left before its body was complete", extra={"client": request.remote})
        return error_response(400, "the body ended early")
    now = parts.clock.now()
    try:
        delivery = await _parse(raw, now)
    except DeliveryError as error:
        await _quarantine(parts, raw, str(error), now)
        return error_response(400, str(error))
    if delivery.problems:
        await _quarantine(parts, raw, "; ".join(delivery.problems[:5]), now)
    if delivery.truncated:
        log.warning(
            "Alertmanager left alerts out; set max_alerts: 0 in its webhook_config",
            extra={"receiver": delivery.receiver, "left_out": delivery.truncated},
        )
    try:
        rest = await parts.take(delivery, now)
        if rest.alerts:
            await _store(parts, rest, now, request.app[STAGE].commit_seconds)
    except StoreRefused as error:
        await _quarantine(parts, raw, str(error), now)
        return error_response(400, f"{error}; it was put into quarantine, please report this")
    answer: dict[str, object] = {"stored": len(delivery.alerts)}
    if delivery.problems:
        answer["quarantined"] = list(delivery.problems)
    return web.json_response(answer)


async def _parse(raw: bytes, now: float) -> Delivery:
    if len(raw) <= _PARSE_IN_THREAD:
        return parse_delivery(raw, now)
    return await asyncio.to_thread(parse_delivery, raw, now)


async def _store(parts: Parts, delivery: Delivery, now: float, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            recorded = await parts.store.record(Recording(delivery, parts.settings().routing, now))
    except TimeoutError:
        # It may still be committed; the repetition is then recognised as one.
        raise StoreUnavailable(f"no commit within {seconds:g} s") from None
    for change, count in recorded.changes.items():
        parts.metrics.recorded(change, count)
    if recorded.unrouted:
        parts.metrics.suppressed("no_channel", recorded.unrouted)
    parts.opened(recorded.opened)
    if recorded.is_notified:
        parts.notified()


async def _quarantine(parts: Parts, raw: bytes, problem: str, now: float) -> None:
    parts.metrics.quarantined()
    log.warning("a delivery could not be read", extra={"problem": problem, "bytes": len(raw)})
    try:
        await parts.store.keep_body(raw, problem, now)
    except StoreUnavailable as error:
        # Bad content stays a 400 even then: a 5xx would make Alertmanager repeat it for ever.
        log.error("it could not be put into quarantine", extra={"problem": str(error)})


def _too_large() -> web.Response:
    return error_response(
        413, f"the body has more than {MAX_BODY} bytes; set max_alerts in webhook_config"
    )
