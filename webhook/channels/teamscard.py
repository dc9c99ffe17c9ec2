"""How does a message look in Teams?

An Adaptive Card of version 1.4, the newest that every kind of workflow takes, in at most 28 KB.
Texts are runs, which know no markup, so that a label shows as it is.
"""

import json
from collections.abc import Sequence

from webhook.channels.lines import Line
from webhook.channels.present import Button, Sheet
from webhook.core.text import shortened

LONGEST_BODY = 28 * 1024
# The workflow wraps the card once more before Teams weighs it.
_ROOM = 2 * 1024
_MOST_BUTTONS = 6
_TITLE, _WORDS = 300, 1_500
_STYLES = {"critical": "attention", "high": "attention", "medium": "warning", "low": "accent"}
_STATES = {"resolved": "good", "digest": "emphasis"}


def card_message(sheet: Sheet) -> bytes:
    """Return the request's body: the card with as many of its lines as there is room for."""
    kept = len(sheet.lines)
    while True:
        body = _encoded(sheet, sheet.lines[:kept], is_cut=kept < len(sheet.lines))
        if len(body) <= LONGEST_BODY - _ROOM or not kept:
            return body
        kept -= 1


def _encoded(sheet: Sheet, lines: Sequence[Line], *, is_cut: bool) -> bytes:
    style = _STATES.get(sheet.state) or _STYLES.get(sheet.level, "accent")
    title = {
        "type": "Container",
        "style": style,
        "bleed": True,
        "items": [_text(sheet.title, _TITLE, size="Medium", weight="Bolder")],
    }
    body = [title]
    if sheet.summary:
        body.append(_text(sheet.summary, _WORDS))
    body += [_line(line) for line in lines if line.words]
    if is_cut:
        body.append(_text("… the rest does not fit into a message", _WORDS, isSubtle=True))
    body += [_buttons(row) for row in (sheet.links, sheet.verdicts) if row]
    if sheet.footer:
        body.append(_text(sheet.footer, _WORDS, size="Small", isSubtle=True))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": shortened(sheet.one_liner(), _TITLE),
        "body": body,
        "msteams": {"width": "Full"},
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    message = {"type": "message", "attachments": [attachment]}
    return json.dumps(message, ensure_ascii=False).encode()


def _text(text: str, longest: int, **look: object) -> dict[str, object]:
    return {"type": "RichTextBlock", "inlines": [_run(shortened(text, longest), **look)]}


def _line(line: Line) -> dict[str, object]:
    words = _run(shortened(line.words, _WORDS))
    named = [_run(f"{line.name}  ", weight="Bolder")] if line.name else []
    return {"type": "RichTextBlock", "inlines": [*named, words], "spacing": "Small"}


def _run(text: str, **look: object) -> dict[str, object]:
    return {"type": "TextRun", "text": text, **look}


def _buttons(buttons: Sequence[Button]) -> dict[str, object]:
    actions = [
        {"type": "Action.OpenUrl", "title": button.text, "url": button.url} for button in buttons
    ]
    return {"type": "ActionSet", "actions": actions[:_MOST_BUTTONS]}
