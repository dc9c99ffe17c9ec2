"""How does a message look in Slack?

Block Kit's limits are kept by cutting (docs.slack.dev/reference/block-kit/blocks): a header of 150
characters, sections of 3,000, 25 buttons, 50 blocks; and what no page tells: some 13,200 characters
in all blocks together (slackapi/bolt-js issue 2509).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from webhook.channels.lines import Line
from webhook.channels.present import Button, Sheet

HEADER, SECTION, BUTTON_TEXT, BUTTON_URL, BUTTON_VALUE = 150, 3_000, 75, 3_000, 2_000
# Of all sections together; header, footer and buttons take the rest of the 13,200.
_SECTIONS_TOTAL = 9_500
_FOOTER = 600
_FALLBACK = 4_000
# Interactions carry these back; the value is the signed token.
ACTIONS = {"confirm": "verdict_confirm", "false_alarm": "verdict_false_alarm"}
_STYLES = {"confirm": "primary", "false_alarm": "danger"}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, slots=True)
class Json:
    """The body of a request."""

    fields: dict[str, object]

    def encoded(self) -> bytes:
        """Return it as UTF-8."""
        return json.dumps(self.fields, ensure_ascii=False).encode()

    def with_fields(self, **more: object) -> "Json":
        """Return it with more fields."""
        return Json({**self.fields, **more})


_QUIET = {
    # Links would be fetched, and names in labels would call people.
    "unfurl_links": False,
    "unfurl_media": False,
    "link_names": False,
}


def laid_out(sheet: Sheet, *, is_interactive: bool = False) -> Json:
    """Return a message with a header, and beside a bar in the level's colour all the rest."""
    blocks: list[object] = [*_sections(sheet)]
    buttons = [*map(_link, sheet.links)]
    verdicts = [_verdict(button) if is_interactive else _link(button) for button in sheet.verdicts]
    # Two rows, so that a phone shows what to look at apart from what to answer.
    blocks += [
        {"type": "actions", "elements": row} for row in (_kept(buttons), _kept(verdicts)) if row
    ]
    if sheet.footer:
        footer = {"type": "mrkdwn", "text": escaped(sheet.footer, _FOOTER), "verbatim": True}
        blocks.append({"type": "context", "elements": [footer]})
    header = {"type": "plain_text", "text": sheet.title[:HEADER], "emoji": True}
    return Json(
        {
            "text": escaped(sheet.one_liner(), _FALLBACK),
            "blocks": [{"type": "header", "text": header}],
            "attachments": [
                {
                    "color": sheet.colour,
                    "fallback": escaped(sheet.title, _FALLBACK),
                    "blocks": blocks,
                }
            ],
            **_QUIET,
        }
    )


def plain(sheet: Sheet) -> Json:
    """Return a message of words alone, which Slack cannot find fault with."""
    links = "\n".join(f"{link.text}: {link.url}" for link in (*sheet.links, *sheet.verdicts))
    text = escaped(f"{sheet.text()}\n{links}", _FALLBACK)
    return Json({"text": text, "blocks": [], "attachments": [], **_QUIET})


def escaped(text: str, longest: int) -> str:
    """Return text that shows as it is: no link, no mention; cut to `longest` when escaped."""
    pieces = [_ENTITIES.get(character, character) for character in text]
    if sum(map(len, pieces)) > longest:
        left, kept = longest - 1, 0
        while len(pieces[kept]) <= left:
            left -= len(pieces[kept])
            kept += 1
        pieces = [*pieces[:kept], "…"]
    return "".join(pieces)


def _sections(sheet: Sheet) -> list[object]:
    """Return the facts as few sections as they fit into; what exceeds the total is cut."""
    texts = [escaped(sheet.summary, SECTION)] if sheet.summary else []
    texts += [_line(line) for line in sheet.lines]
    sections: list[str] = []
    left = _SECTIONS_TOTAL
    for text in texts:
        if len(text) > left:
            break
        left -= len(text) + 1
        if sections and len(sections[-1]) + len(text) < SECTION:
            sections[-1] += f"\n{text}"
        else:
            sections.append(text)
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
        for text in sections
        if text.strip()
    ]


def _line(line: Line) -> str:
    name = f"*{line.name}* " if line.name else ""
    return name + escaped(line.words, SECTION - len(name))


def _link(button: Button) -> dict[str, object]:
    return {**_button(button), "action_id": f"link_{button.name}", "url": button.url}


def _verdict(button: Button) -> dict[str, object]:
    return {
        **_button(button),
        "action_id": ACTIONS[button.name],
        "value": button.token,
        "style": _STYLES[button.name],
    }


def _button(button: Button) -> dict[str, object]:
    text = {"type": "plain_text", "text": button.text[:BUTTON_TEXT]}
    return {"type": "button", "text": text}


def _kept(buttons: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Return the buttons whose address or token Slack takes; a cut one would lead nowhere."""
    return [
        button
        for button in buttons
        if len(str(button.get("url", ""))) <= BUTTON_URL
        and len(str(button.get("value", ""))) <= BUTTON_VALUE
    ]
