"""How does a bot post, edit, answer in a thread and add a picture, by Slack's Web API?

A message counts as sent once Slack has given it a timestamp. What comes after that (the picture)
may fail without a second message: it has a short deadline of its own, and its failure is told in
the receipt.
"""

import asyncio
import json
import logging
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from promkit.clock import Clock
from webhook.channels.base import DEADLINE_SECONDS, Receipt
from webhook.channels.http import LONGEST_ANSWER, Poster, host, one_line
from webhook.channels.present import Sheet
from webhook.channels.slackblocks import Json, escaped, laid_out, plain
from webhook.channels.slackerrors import api_failure, is_about_layout, is_uneditable
from webhook.core.message import Message
from webhook.errors import ChannelError

log = logging.getLogger(__name__)

_PICTURE_SECONDS = 6.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Bot:
    """An app that writes into a channel.

    Parameters
    ----------
    api_url : of the Web API
    token : xoxb-…, never shown
    """

    def __init__(self, poster: Poster, api_url: str, token: str, clock: Clock) -> None:
        self._poster = poster
        self._api_url = api_url.rstrip("/") + "/"
        self._token = token
        self._clock = clock

    async def send(
        self, message: Message, sheet: Sheet, channel: str, *, is_interactive: bool
    ) -> Receipt:
        """Post a message, or edit the one that told of the incident's beginning and answer it."""
        began = self._clock.monotonic()
        body = laid_out(sheet, is_interactive=is_interactive)
        original = _original(message)
        if message.status == "resolved" and original is not None:
            try:
                return await self._resolve(body, sheet, *original)
            except ChannelError as error:
                if not is_uneditable(error):
                    raise
        posted = await self._with_words("chat.postMessage", body, sheet, {"channel": channel})
        where, at = str(posted.get("channel", channel)), str(posted.get("ts", ""))
        receipt = Receipt(
            f"ok, message {one_line(at, 40, (self._token,))}", {"channel": where, "ts": at}
        )
        if message.picture is None:
            return receipt
        left = DEADLINE_SECONDS - 1.0 - (self._clock.monotonic() - began)
        added = await self._try_picture(message, sheet, where, at, left)
        return Receipt(f"{receipt.detail}, {added}", receipt.handle)

    async def _resolve(self, body: Json, sheet: Sheet, channel: str, at: str) -> Receipt:
        place = {"channel": channel, "ts": at}
        await self._with_words("chat.update", body, sheet, place)
        lasted = next((line.words for line in sheet.lines if line.name == "lasted"), "")
        answer = Json({"text": escaped(f"{sheet.title}\n{lasted}".strip(), 1_000)})
        await self._call("chat.postMessage", answer.with_fields(channel=channel, thread_ts=at))
        return Receipt(f"ok, message {one_line(at, 40, (self._token,))} edited and answered", place)

    async def _with_words(
        self, method: str, body: Json, sheet: Sheet, place: dict[str, str]
    ) -> dict[str, Any]:
        """Call with blocks, and when Slack dislikes those, with the same words alone."""
        try:
            return await self._call(method, body.with_fields(**place))
        except ChannelError as error:
            if not is_about_layout(error):
                raise
            log.warning("Slack refused the layout", extra={"problem": str(error)})
            return await self._call(method, plain(sheet).with_fields(**place))

    async def _try_picture(
        self, message: Message, sheet: Sheet, channel: str, at: str, left: float
    ) -> str:
        try:
            async with asyncio.timeout(min(left, _PICTURE_SECONDS)):
                await self._picture(message, sheet, channel, at)
        except TimeoutError:
            return "the picture took too long"
        except ChannelError as error:
            return f"without the picture: {error}"
        except ValueError:
            # An address that is none; the message itself has arrived and must not go out again.
            return "without the picture: Slack named no usable address for it"
        return "picture added"

    async def _picture(self, message: Message, sheet: Sheet, channel: str, at: str) -> None:
        """Upload the PNG into the message's thread."""
        picture = message.picture or b""
        place = await self._form(
            "files.getUploadURLExternal",
            filename="series.png",
            length=str(len(picture)),
            alt_txt=one_line(message.picture_alt or sheet.one_liner(), 1_000),
        )
        url, file_id = str(place.get("upload_url", "")), str(place.get("file_id", ""))
        if not (url.startswith("https://") or host(url) == host(self._api_url)):
            raise ChannelError("server_error", "Slack named no usable address for the picture")
        secrets = (self._token, urlsplit(url).path)
        await self._poster.post(url, picture, {"Content-Type": "image/png"}, secrets=secrets)
        await self._form(
            "files.completeUploadExternal",
            files=json.dumps([{"id": file_id, "title": sheet.subject}], ensure_ascii=False),
            channel_id=channel,
            thread_ts=at,
        )

    async def _form(self, method: str, **fields: str) -> dict[str, Any]:
        """Call one of the methods that take forms alone."""
        return await self._request(method, urlencode(fields).encode(), _FORM)

    async def _call(self, method: str, body: Json) -> dict[str, Any]:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return await self._request(method, body.encoded(), headers)

    async def _request(self, method: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        answer = await self._poster.post(
            urljoin(self._api_url, method),
            body,
            {**headers, "Authorization": f"Bearer {self._token}"},
            secrets=(self._token,),
            read=LONGEST_ANSWER,
        )
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ChannelError("server_error", f"{method}: Slack answered no JSON object")
        if found.get("ok") is not True:
            word = one_line(str(found.get("error", "unknown")), hidden=(self._token,))
            raise api_failure(method, word, self._details(found))
        return found

    def _details(self, found: dict[str, Any]) -> str:
        """Return what Slack says beyond one word, as far as it is text."""
        metadata = found.get("response_metadata")
        messages = metadata.get("messages", ()) if isinstance(metadata, dict) else ()
        words = [text for text in (found.get("needed"), *messages) if isinstance(text, str)]
        return one_line("; ".join(words), hidden=(self._token,))


def _original(message: Message) -> tuple[str, str] | None:
    """Return channel and timestamp of the message that told of the beginning."""
    handle = message.handle or {}
    channel, at = handle.get("channel"), handle.get("ts")
    return (channel, at) if isinstance(channel, str) and isinstance(at, str) and at else None
