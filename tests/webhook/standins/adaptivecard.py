"""What would Teams refuse of a message? The schema of Adaptive Cards 1.4, as far as we use it.

adaptivecards.io/explorer; learn.microsoft.com/connectors/teams names the 28 KB of a message.
"""

from collections.abc import Iterator
from typing import Any

LONGEST = 28 * 1024
_STYLES = {"default", "emphasis", "good", "attention", "warning", "accent"}
_RUN = {"type", "text", "size", "weight", "isSubtle", "color"}


def problems(raw: bytes, message: dict[str, Any]) -> list[str]:
    """Return what is wrong with a message for a workflow; empty if Teams shows it."""
    found = [f"{len(raw)} bytes"] if len(raw) > LONGEST else []
    if message.get("type") != "message" or len(message.get("attachments", ())) != 1:
        return [*found, "no message with one attachment"]
    attachment = message["attachments"][0]
    if attachment["contentType"] != "application/vnd.microsoft.card.adaptive":
        found.append(attachment["contentType"])
    card = attachment["content"]
    if (card["type"], card["version"]) != ("AdaptiveCard", "1.4") or not card["body"]:
        found.append("no card of version 1.4 with a body")
    for element in card["body"]:
        found += _element(element)
    return found


def _element(element: dict[str, Any]) -> Iterator[str]:
    match element["type"]:
        case "Container":
            if element["style"] not in _STYLES:
                yield f"style {element['style']}"
            for inner in element["items"]:
                yield from _element(inner)
        case "RichTextBlock":
            for run in element["inlines"]:
                if run["type"] != "TextRun" or not run["text"] or set(run) - _RUN:
                    yield f"a run {run}"
        case "ActionSet":
            if not 1 <= len(element["actions"]) <= 6:
                yield f"{len(element['actions'])} actions"
            for action in element["actions"]:
                if action["type"] != "Action.OpenUrl" or not action["title"]:
                    yield f"an action {action}"
                if not action["url"].startswith(("http://", "https://")):
                    yield f"url {action['url']}"
        case other:
            yield f"an element of type {other}"
