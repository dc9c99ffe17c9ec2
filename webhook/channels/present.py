"""What stands in a notification, and in which order? One answer for every channel.

The order is that of a phone's first screen: how bad and what, now against expected, since when and
who, why, what was before, and what to do next. A channel only decides how each part looks.
"""

from dataclasses import dataclass, replace
from typing import Literal

from webhook.channels.lines import Line, digest_lines, incident_lines
from webhook.core.facts import Digest, Links
from webhook.core.message import Message
from webhook.core.present import span
from webhook.core.text import one_line, shortened

State = Literal["firing", "resolved", "digest"]

_ICONS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🔵"}
_COLOURS = {"critical": "#d32f2f", "high": "#ef6c00", "medium": "#f9a825", "low": "#1976d2"}
_RESOLVED = ("✅", "#2e7d32")
_DIGEST = ("📋", "#607d8b")
# Which label says where an alert comes from, the widest first.
_PLACES = ("service", "app", "namespace", "instance", "pod", "host")
_HIDDEN_LABELS = {"alertname", "severity", "query"}
LONGEST_TITLE = 140
LONGEST_BODY, LONGEST_ROW = 9_000, 2_500
_LONGEST_FOOTER = 600


@dataclass(frozen=True, slots=True)
class Button:
    """A link, or with `verdict` one of the two answers that we hope for.

    Parameters
    ----------
    name : of a field of core.facts.Links
    """

    name: str
    text: str
    url: str

    @property
    def token(self) -> str:
        """The signed token that the address of a verdict ends with."""
        return self.url.partition("?")[0].rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A message, ready to be laid out.

    Parameters
    ----------
    colour : of level or state, as #rrggbb
    title : state, level and what, with an icon; the same facts in words
    subject : without state, so that it is the same for an incident's firing and resolved
    summary : one sentence from the alert, "" where there is none
    lines : facts, in reading order
    links : where to look next
    verdicts : what people may say of it
    footer : labels, and the alert's own name
    """

    state: State
    level: str
    colour: str
    title: str
    subject: str
    summary: str
    lines: tuple[Line, ...]
    links: tuple[Button, ...]
    verdicts: tuple[Button, ...]
    footer: str

    def text(self) -> str:
        """Return everything but the links as plain text."""
        parts = (self.title, self.summary, *(line.plain() for line in self.lines), self.footer)
        return "\n".join(part for part in parts if part)

    def one_liner(self) -> str:
        """Return title and first fact, for lock screens."""
        first = self.lines[0].plain() if self.lines else self.summary
        return one_line(f"{self.title} | {first}" if first else self.title, 500)


def present(message: Message, now: float) -> Sheet:
    """Return what stands in a message.

    Parameters
    ----------
    now : unix seconds, for "11 min ago"
    """
    sheet = (
        _digest(message, message.digest, now)
        if message.digest is not None
        else _incident(message, now)
    )
    return sheet if message.text is None else _by_template(sheet, *message.text)


def _incident(message: Message, now: float) -> Sheet:
    is_resolved = message.status == "resolved"
    icon, colour = (
        _RESOLVED
        if is_resolved
        else (_ICONS.get(message.level, "🔵"), _COLOURS.get(message.level, _COLOURS["low"]))
    )
    word, what = _word(message), _what(message)
    if is_resolved:
        lasted = span((message.ends_at or now) - message.starts_at)
        title = f"{icon} RESOLVED {what} after {lasted}"
    else:
        title = f"{icon} {word} {what}"
        if kind := _kind(message, now):
            title += f": {kind}"
    subject = f"[{word}] {what}"
    if message.query:
        subject += f" ({message.alertname})"
    summary = one_line(message.annotations.get("summary", ""), 500)
    if message.is_test:
        title, subject = f"🧪 TEST {title}", f"[TEST] {subject}"
    links, verdicts = _buttons(message.links)
    return Sheet(
        state=message.status,
        level=message.level,
        colour=colour,
        title=one_line(title, LONGEST_TITLE),
        subject=one_line(subject, LONGEST_TITLE),
        summary=summary,
        lines=incident_lines(message, now),
        links=links,
        verdicts=verdicts,
        footer=_footer(message),
    )


def _digest(message: Message, digest: Digest, now: float) -> Sheet:
    icon, colour = _DIGEST
    alerts = "alert was" if digest.held == 1 else "alerts were"
    title = f"{icon} DIGEST {digest.held} {alerts} held back"
    title += f", {digest.still_open} still firing" if digest.still_open else ", all over"
    if message.is_test:
        title = f"🧪 TEST {title}"
    url = digest.url or message.links.incident
    return Sheet(
        state="digest",
        level=message.level,
        colour=colour,
        title=title,
        subject="[TEST] Alerts held back" if message.is_test else "Alerts held back",
        summary="",
        lines=digest_lines(digest, _ICONS, message.zone, now),
        links=(Button("incident", "Show all", url),) if is_link(url) else (),
        verdicts=(),
        footer="",
    )


def _by_template(sheet: Sheet, title: str, body: str) -> Sheet:
    """Return the sheet with the user's own title and body; buttons and state stay."""
    own = one_line(title, LONGEST_TITLE) or sheet.title
    rows = shortened(body.strip(), LONGEST_BODY).splitlines()
    if not rows:
        return replace(sheet, title=own, subject=own)
    lines = tuple(Line("", one_line(row, LONGEST_ROW)) for row in rows)
    return replace(sheet, title=own, subject=own, summary="", lines=lines, footer="")


def _word(message: Message) -> str:
    """Return how bad it is: the alert's own word where it has one."""
    own = message.severity if message.severity not in ("", "none") else message.level
    return one_line(own, 40).upper()


def _what(message: Message) -> str:
    metric = message.query or message.alertname
    return one_line(f"{place(message)} {metric}", 120)


def place(message: Message) -> str:
    """Return the label that says best where the alert comes from, "" if none does."""
    return next((message.labels[name] for name in _PLACES if message.labels.get(name)), "")


def _kind(message: Message, now: float) -> str:
    if message.breach is not None:
        wait = message.breach.at - now
        return f"limit expected in {span(wait)}" if wait > 0 else "limit reached"
    reading = message.reading
    if reading is not None and reading.value is not None:
        if reading.upper is not None and reading.value > reading.upper:
            return "above normal"
        if reading.lower is not None and reading.value < reading.lower:
            return "below normal"
    return message.alertname if message.query else ""


def _buttons(links: Links) -> tuple[tuple[Button, ...], tuple[Button, ...]]:
    ways = (
        Button("graph", "Graph", links.graph),
        Button("panel", "Grafana panel", links.panel),
        Button("runbook", "Runbook", links.runbook),
        Button("silence", "Silence", links.silence),
        Button("incident", "Incident", links.incident),
    )
    verdicts = (
        Button("confirm", "✅ Confirmed", links.confirm),
        Button("false_alarm", "🚫 False alarm", links.false_alarm),
    )
    return (
        tuple(button for button in ways if is_link(button.url)),
        tuple(button for button in verdicts if is_link(button.url)),
    )


def is_link(url: str) -> bool:
    """Tell whether a reader may be sent there: never `javascript:` and the like."""
    return url.startswith(("http://", "https://")) and url.isprintable() and " " not in url


def _footer(message: Message) -> str:
    labels = " ".join(
        f"{name}={value}"
        for name, value in sorted(message.labels.items())
        if name not in _HIDDEN_LABELS
    )
    return one_line(f"{message.alertname} {labels}", _LONGEST_FOOTER)
