"""What did somebody press in Slack, and was it Slack who says so?

https://docs.slack.dev/authentication/verifying-requests-from-slack: the signature covers the raw
body, so it is checked before anything is parsed.
"""

import asyncio
import hashlib
import hmac
import json
import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp import web

from promkit.errors import SecretUnavailable
from promkit.secrets import read_secret
from webhook.channels.slackblocks import ACTIONS
from webhook.core.present import VERDICTS as WORDS
from webhook.core.tokens import TokenRefused, incident_of
from webhook.core.verdicts import judgement_of
from webhook.web.feedback import FEEDBACK
from webhook.web.origin import small_body
from webhook.web.parts import error_response

log = logging.getLogger(__name__)

MAX_SKEW = 300.0
MAX_BODY = 1 << 20  # with the message that the button stands in
_ANSWER_SECONDS = 5.0
# Slack tells the user of an error when it has no answer after three seconds.
_COMMIT_SECONDS = 2.5
_VERDICT_OF = {ACTIONS["confirm"]: "confirmed", ACTIONS["false_alarm"]: "false_alarm"}


class Answers:
    """What is on its way to Slack."""

    def __init__(self) -> None:
        self.under_way: set[asyncio.Task[None]] = set()

    def add(self, task: "asyncio.Task[None]") -> None:
        """Keep a task until it is done."""
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)


ANSWERS = web.AppKey("slack_answers", Answers)


def is_signed(secret: str, timestamp: str, signature: str, body: bytes, now: float) -> bool:
    """Tell whether Slack signed a request within the last minutes.

    Parameters
    ----------
    timestamp, signature : of the headers, whatever stands in them
    now : unix seconds
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now - int(timestamp)) > MAX_SKEW:
        return False
    text = b"v0:" + timestamp.encode() + b":" + body
    expected = "v0=" + hmac.digest(secret.encode(), text, hashlib.sha256).hex()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


async def take_interaction(request: web.Request) -> web.Response:
    """Store the verdict of a button in Slack."""
    feedback = request.app[FEEDBACK]
    settings = feedback.settings()
    if settings.slack_secret_file is None:
        return error_response(404, "feedback.slack_signing_secret_file is not configured")
    body = await small_body(request, MAX_BODY)
    try:
        secret = await asyncio.to_thread(read_secret, None, settings.slack_secret_file)
    except SecretUnavailable as error:
        log.error("requests of Slack cannot be checked", extra={"problem": str(error)})
        return error_response(503, "the signing secret cannot be read; see the log")
    now = feedback.clock.now()
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")
    if not secret or not is_signed(secret, timestamp, signature, body, now):
        return error_response(401, "this was not signed by Slack within the last five minutes")
    try:
        payload = _payload(body)
    except (ValueError, RecursionError):
        return error_response(400, "the body is no interaction of Slack")
    for action in _list(payload.get("actions")):
        verdict = _VERDICT_OF.get(_text(_dict(action).get("action_id")))
        if verdict is None:
            continue  # a button that is a link, of which Slack tells us too
        try:
            keys = await feedback.keys()
            incident_id = incident_of(_text(_dict(action).get("value")), keys, "feedback", now)
        except (TokenRefused, SecretUnavailable) as error:
            said = f"Nothing was changed: this button cannot be used any more ({error})."
        else:
            judgement = judgement_of(verdict, "", _person(payload), "slack")
            try:
                async with asyncio.timeout(_COMMIT_SECONDS):
                    incident = await feedback.give(incident_id, judgement)
            except TimeoutError:
                return error_response(503, "the store takes too long; press the button again")
            said = f"Incident {incident_id} is marked as {WORDS[verdict]}."
            if incident is None:
                said = f"Incident {incident_id} is older than what the store keeps."
        _answer(request.app, _text(payload.get("response_url")), said, settings.slack_hosts)
    return web.Response()


def _payload(body: bytes) -> dict[str, Any]:
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    payload = json.loads(fields.get("payload", [""])[0])
    if not isinstance(payload, dict):
        raise ValueError("not an object")
    return payload


def _person(payload: dict[str, Any]) -> str:
    user = _dict(payload.get("user"))
    return next((name for key in ("username", "name", "id") if (name := _text(user.get(key)))), "")


def _answer(app: web.Application, url: str, text: str, hosts: tuple[str, ...]) -> None:
    """Tell the one who pressed; later, since Slack waits for three seconds only."""
    if not url:
        return
    if not may_answer(url, hosts):
        log.warning(
            "an interaction wants its answer elsewhere", extra={"allowed": ", ".join(hosts)}
        )
        return
    app[ANSWERS].add(asyncio.create_task(_post(url, text)))


def may_answer(url: str, hosts: tuple[str, ...]) -> bool:
    """Tell whether an address is one where Slack takes answers."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and parts.hostname in hosts and parts.port in (None, 443)
    except ValueError:
        return False


async def _post(url: str, text: str) -> None:
    body = {"response_type": "ephemeral", "replace_original": False, "text": text}
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, json=body, allow_redirects=False) as response,
        ):
            if response.status != 200:
                log.warning("Slack did not take an answer", extra={"status": response.status})
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # Its text may hold the address, which is a secret.
        log.warning("Slack did not take an answer", extra={"problem": type(error).__name__})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value[:10] if isinstance(value, list) else []
