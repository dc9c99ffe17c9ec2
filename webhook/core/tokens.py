"""Who may judge an incident without a password? Whoever holds a link that we signed.

A token is ``v1.KEY.PURPOSE.INCIDENT.EXPIRES.SIGNATURE``: the signature is HMAC-SHA256 over all
that stands before it, so a token is good for one purpose and one incident, until it expires. Two
keys can be in force, so that one can replace the other without breaking links that were sent.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Purpose = Literal["feedback", "chart"]
Refusal = Literal["malformed", "forged", "expired"]

_VERSION = "v1"
_FORM = re.compile(
    r"(v1\.[0-9a-f]{4}\.([a-z]{1,16})\.([1-9][0-9]{0,17})\.([1-9][0-9]{0,10}))\.([A-Za-z0-9_-]{43})"
)


class TokenRefused(ValueError):
    """A token that grants nothing; `reason` says why."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason: Refusal = reason


@dataclass(frozen=True, slots=True)
class Key:
    """A secret that signs, by the name that tokens call it."""

    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Four hexadecimal digits that tell nothing of the secret."""
        return hmac.digest(self.secret, b"name of the key", "sha256").hex()[:4]


def sign(key: Key, purpose: Purpose, incident: int, expires_at: float) -> str:
    """Return a token for one purpose and incident; `expires_at` in unix seconds."""
    text = f"{_VERSION}.{key.name}.{purpose}.{incident}.{int(expires_at)}"
    return f"{text}.{_signature(key, text)}"


def incident_of(token: str, keys: Sequence[Key], purpose: Purpose, now: float) -> int:
    """Return the incident that a token is for.

    Parameters
    ----------
    keys : those in force
    now : unix seconds

    Raises
    ------
    TokenRefused
        If it is none, was not signed by one of the keys, is for another purpose, or has expired.
    """
    match = _FORM.fullmatch(token)
    if match is None:
        raise TokenRefused("malformed")
    text, named_purpose, incident, expires_at, signature = match.groups()
    # Every key is tried, whatever the token says of it: the time tells nothing of which are known.
    is_ours = [hmac.compare_digest(_signature(key, text), signature) for key in keys]
    if not any(is_ours) or named_purpose != purpose:
        raise TokenRefused("forged")
    if now >= int(expires_at):
        raise TokenRefused("expired")
    return int(incident)


def _signature(key: Key, text: str) -> str:
    digest = hmac.digest(key.secret, text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
