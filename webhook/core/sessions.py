"""Who is logged in, and which forms are theirs? Signed texts that a browser carries for us.

A session is ``s1.KEY.USER.NONCE.EXPIRES.SIGNATURE``. The signature also covers the hash of the
user's password, which the text does not hold: a session ends when the password changes or the user
is gone, and nothing has to be stored. The token of a form is good for one session only, or, before
anyone has logged in, for one browser.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from webhook.core.tokens import Key

_VERSION = "s1"
_FORM = re.compile(
    r"(s1\.[0-9a-f]{4}\.([A-Za-z0-9_-]{1,400})\.([0-9a-f]{32})\.([1-9][0-9]{0,10}))"
    r"\.([A-Za-z0-9_-]{43})"
)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in; `nonce` tells two sessions of one user apart."""

    user: str
    nonce: str


def sign_session(key: Key, session: Session, hashes: Mapping[str, str], expires_at: float) -> str:
    """Return the text by which a browser shows its session.

    Parameters
    ----------
    hashes : user -> hash of the password
    expires_at : unix seconds

    Raises
    ------
    KeyError
        If there is no such user.
    """
    user = _encoded(session.user.encode())
    text = f"{_VERSION}.{key.name}.{user}.{session.nonce}.{int(expires_at)}"
    return f"{text}.{_signature(key, 'session', text, hashes[session.user])}"


def session_of(
    text: str, keys: Sequence[Key], hashes: Mapping[str, str], now: float
) -> Session | None:
    """Return the session that a browser shows; None if it grants nothing, or nothing any more."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    signed, encoded, nonce, expires_at, signature = match.groups()
    try:
        user = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        return None
    # Where there is no such user, what is compared with can never have been signed.
    hashed = hashes.get(user, "")
    is_ours = [
        hmac.compare_digest(_signature(key, "session", signed, hashed), signature) for key in keys
    ]
    if not any(is_ours) or not hashed or now >= int(expires_at):
        return None
    return Session(user, nonce)


def form_token(key: Key, user: str, nonce: str) -> str:
    """Return what the forms of one user in one browser carry."""
    return _signature(key, "form", user, nonce)


def is_form_token(token: str, keys: Sequence[Key], user: str, nonce: str) -> bool:
    """Tell whether a form came from a page that this user's browser was given."""
    given = token.encode()
    return any([hmac.compare_digest(form_token(key, user, nonce).encode(), given) for key in keys])


def _signature(key: Key, *parts: str) -> str:
    # The quotes of `repr` cannot be forged inside a part.
    digest = hmac.digest(key.secret, repr(parts).encode(), hashlib.sha256)
    return _encoded(digest)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
