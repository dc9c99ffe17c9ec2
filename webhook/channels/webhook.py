"""A channel that posts each notification as JSON to a URL, signed if a secret is given.

The signature follows Standard Webhooks (https://www.standardwebhooks.com), so that receivers can
verify it with an existing library.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, Self

from pydantic import model_validator

from promkit.clock import Clock
from promkit.errors import FieldProblem
from promkit.secrets import Secret
from promkit.strictyaml import ConfigPath
from webhook.channels.base import Channel, Receipt, Send
from webhook.channels.http import check_url_field, posting, secret_of, secret_url
from webhook.channels.payload import payload
from webhook.core.message import Message
from webhook.errors import ChannelError

_SECRET_PREFIX = "whsec_"
_SECRET_FORM = "allowed: whsec_ and 24 to 64 bytes in base64, e.g. from `openssl rand -base64 32`"


class WebhookChannel(Channel):
    """Notifications as JSON to a URL.

    Parameters
    ----------
    url, url_file : where to POST; http or https. A URL may hold a token, so it is never shown.
    signing_secret, signing_secret_file : signs each request in the header `webhook-signature`
    """

    kind: Literal["webhook"] = "webhook"
    url: Secret | None = None
    url_file: ConfigPath | None = None
    signing_secret: Secret | None = None
    signing_secret_file: ConfigPath | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_url_field("url", self.url, self.url_file)
        if self.signing_secret is not None:
            try:
                _key(self.signing_secret.get_secret_value())
            except ValueError as error:
                raise FieldProblem(("signing_secret",), str(error)) from None
        return self

    @asynccontextmanager
    async def connect(self, clock: Clock) -> AsyncIterator[Send]:
        """Yield a sender that keeps its connections open between notifications."""
        async with posting(clock) as poster:

            async def send(message: Message) -> Receipt:
                url, key = await secret_url(self.url, self.url_file), await self._signing_key()
                body = json.dumps(payload(message), ensure_ascii=False).encode()
                headers = {
                    "Content-Type": "application/json",
                    **signed(message.key, clock.now(), body, key),
                }
                answer = await poster.post(url, body, headers)
                return Receipt(f"HTTP {answer.status}")

            yield send

    async def _signing_key(self) -> bytes | None:
        if self.signing_secret is None and self.signing_secret_file is None:
            return None
        try:
            return _key(await secret_of(self.signing_secret, self.signing_secret_file))
        except ValueError as error:
            raise ChannelError("secret", str(error)) from None


def signed(key: str, now: float, body: bytes, secret: bytes | None) -> dict[str, str]:
    """Return the headers of Standard Webhooks: id, timestamp and, with a secret, signature.

    Parameters
    ----------
    key : the notification's key, the same at every attempt
    now : unix seconds
    """
    timestamp = str(int(now))
    headers = {"webhook-id": key, "webhook-timestamp": timestamp}
    if secret is not None:
        digest = hmac.digest(secret, f"{key}.{timestamp}.".encode() + body, hashlib.sha256)
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"found a secret that is not base64; {_SECRET_FORM}") from None
    if not 24 <= len(key) <= 64:
        raise ValueError(f"found a secret of {len(key)} bytes; {_SECRET_FORM}")
    return key
