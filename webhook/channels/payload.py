"""What is the documented JSON of a notification (docs/webhook-channels.md, "The JSON")?

Fields are only ever added while `version` is "1".
"""

import math
from dataclasses import asdict

from webhook.core.facts import Breach, Digest, History, Reading
from webhook.core.message import Message, rfc3339


def payload(message: Message) -> dict[str, object]:
    """Return the JSON object; facts that nobody could find out are null."""
    reading = message.reading or Reading()
    numbers: dict[str, object] = dict(message.numbers())
    for ours, theirs in _NUMBERS.items():
        # JSON knows neither NaN nor infinity.
        if (number := getattr(reading, ours)) is not None and math.isfinite(number):
            numbers[theirs] = number
    return {
        **message.as_json(),
        "threshold": None,
        "sigmas": None,
        **numbers,
        "unit": reading.unit,
        "level": message.level,
        "trace_id": message.trace or None,
        "why": message.why,
        "sparkline": message.sparkline,
        "siblings": None if message.siblings is None else asdict(message.siblings),
        "history": None if message.history is None else _history(message.history),
        "breach": None if message.breach is None else _breach(message.breach),
        "cause": None if message.cause is None else asdict(message.cause),
        "digest": None if message.digest is None else _digest(message.digest),
        "links": asdict(message.links),
    }


_NUMBERS = {
    "value": "value",
    "expected": "expected",
    "lower": "lower_bound",
    "upper": "upper_bound",
    "score": "score",
    "threshold": "threshold",
    "sigmas": "sigmas",
}


def _at(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)


def _history(history: History) -> dict[str, object]:
    return {
        **asdict(history),
        "last_at": _at(history.last_at),
        "last_verdict_at": _at(history.last_verdict_at),
    }


def _breach(breach: Breach) -> dict[str, object]:
    return {
        **asdict(breach),
        "at": _at(breach.at),
        "earliest": _at(breach.earliest),
        "latest": _at(breach.latest),
    }


def _digest(digest: Digest) -> dict[str, object]:
    fields = {**asdict(digest), "since": _at(digest.since), "until": _at(digest.until)}
    # Only for channels that keep digests open, none of which speaks this JSON.
    del fields["ends"]
    return fields
