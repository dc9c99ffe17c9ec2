"""What would Slack refuse of a message? The published limits of Block Kit, as a validator.

docs.slack.dev/reference/block-kit/blocks and the constants of python-slack-sdk; the total of 13,200
characters is known from slackapi/bolt-js issue 2509 alone.
"""

import re
from collections.abc import Iterator
from typing import Any

_TOTAL = 13_200
_ENTITY = re.compile(r"&(?!(amp|lt|gt);)")
_MARKUP = re.compile(r"<(?!https?://)")


def problems(message: dict[str, Any]) -> list[str]:
    """Return what is wrong with the arguments of a message; empty if Slack takes it."""
    blocks = list(_all_blocks(message))
    found = [problem for block in blocks for problem in _block(block)]
    for group in _groups(message):
        if len(group) > 50:
            found.append(f"{len(group)} blocks")
    total = sum(len(text) for text in _texts(blocks))
    if total > _TOTAL:
        found.append(f"msg_blocks_too_long: {total} characters")
    if len(message.get("attachments", ())) > 100:
        found.append("too_many_attachments")
    for attachment in message.get("attachments", ()):
        if not re.fullmatch("#[0-9a-f]{6}", attachment["color"]):
            found.append(f"colour {attachment['color']}")
    text = message.get("text", "")
    if not text or len(text) > 40_000:
        found.append(f"text of {len(text)} characters")
    found += _mrkdwn(text)
    return found


def _groups(message: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    yield message.get("blocks", [])
    for attachment in message.get("attachments", ()):
        yield attachment.get("blocks", [])


def _all_blocks(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in _groups(message):
        yield from group


def _block(block: dict[str, Any]) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield from _text(block["text"], "plain_text", 150)
        case "section":
            yield from _text(block["text"], "mrkdwn", 3_000)
        case "context":
            if not 1 <= len(block["elements"]) <= 10:
                yield f"{len(block['elements'])} elements of context"
            for element in block["elements"]:
                yield from _text(element, "mrkdwn", 3_000)
        case "actions":
            if not 1 <= len(block["elements"]) <= 25:
                yield f"{len(block['elements'])} buttons"
            names = [element["action_id"] for element in block["elements"]]
            if len(set(names)) < len(names):
                yield "an action_id twice"
            for element in block["elements"]:
                yield from _button(element)
        case other:
            yield f"a block of type {other}"


def _button(button: dict[str, Any]) -> Iterator[str]:
    yield from _text(button["text"], "plain_text", 75)
    if set(button) - {"type", "text", "action_id", "url", "value", "style"}:
        yield f"a button with {sorted(button)}"
    for name, longest in (("action_id", 255), ("url", 3_000), ("value", 2_000)):
        if name in button and not 1 <= len(button[name]) <= longest:
            yield f"{name} of {len(button[name])} characters"
    if button.get("style", "primary") not in ("primary", "danger"):
        yield f"style {button['style']}"
    if "url" in button and not button["url"].startswith(("http://", "https://")):
        yield f"url {button['url']}"


def _text(text: dict[str, Any], kind: str, longest: int) -> Iterator[str]:
    if text["type"] != kind or set(text) - {"type", "text", "emoji", "verbatim"}:
        yield f"a text object {text}"
    if not 1 <= len(text["text"]) <= longest or not text["text"].strip():
        yield f"{kind} of {len(text['text'])} characters, at most {longest}"
    if kind == "mrkdwn":
        yield from _mrkdwn(text["text"])


def _mrkdwn(text: str) -> Iterator[str]:
    if _ENTITY.search(text):
        yield f"an unescaped & in {text!r}"
    if _MARKUP.search(text):
        yield f"markup in {text!r}"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
