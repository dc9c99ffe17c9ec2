"""What happened to one incident, in order, in words?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from webhook.core.alerts import Status
from webhook.core.incidents import Change
from webhook.core.patterns import Left, left_words
from webhook.core.present import VERDICTS, span

What = Literal[
    "received",
    "repeated",
    "recovered",
    "stored",
    "grouped",
    "silenced",
    "held",
    "let_through",
    "admitted",
    "digested",
    "suppressed",
    "sent",
    "failed",
    "resolved",
    "verdict",
]

_ORDER: Mapping[str, int] = {
    what: i
    for i, what in enumerate(
        (
            "received",
            "recovered",
            "repeated",
            "resolved",
            "stored",
            "grouped",
            "silenced",
            "held",
            "let_through",
            "admitted",
            "digested",
            "suppressed",
            "failed",
            "sent",
            "verdict",
        )
    )
}

_HELD: Mapping[str, str] = {
    "throttled_metric": "metric limit",
    "throttled_total": "total limit",
    "flapping": "flapping",
    "quiet_hours": "quiet hours",
    "grouped": "one cause with others that people were told of",
    "missed": "it was over before we heard of it",
    "harmless_pattern": "harmless pattern",
}
_NOT_NEEDED: Mapping[str, str] = {
    "superseded": "it ended first, and the resolved says both",
    "firing_not_delivered": "its beginning was never delivered",
    "firing_held": "its beginning was held back",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One alert of a delivery, or of our own comparing; unix seconds."""

    at: float
    status: Status
    change: Change
    source: str
    receiver: str
    cause: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt to send."""

    at: float
    seconds: float
    is_sent: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Sending:
    """One notification, with its attempts; unix seconds, None where that did not happen."""

    channel: str
    kind: str
    state: str
    created_at: float
    admitted_at: float | None
    held_reason: str | None
    held_until: float | None
    digest: int | None
    digest_at: float | None
    finished_at: float | None
    detail: str
    tries: Sequence[Try]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody said it was."""

    at: float
    verdict: str
    author: str
    via: str
    reason: str


@dataclass(frozen=True, slots=True)
class Grouped:
    """That it belongs to a group of one cause."""

    at: float
    group: int
    why: str


@dataclass(frozen=True, slots=True)
class Silenced:
    """That it went as a harmless pattern, at first or to its end; unix seconds.

    Parameters
    ----------
    incidents : those that the pattern was made of
    until : when the pattern expires
    left_at, left : when and how it came to leave it; None where it did not
    """

    at: float
    pattern: int
    incidents: Sequence[int] = ()
    until: float | None = None
    left_at: float | None = None
    left: Left | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """All that is kept of an incident; `trace` is of the delivery that opened it."""

    incident: int
    told: Sequence[Told]
    sendings: Sequence[Sending]
    grouped: Grouped | None = None
    verdicts: Sequence[Verdict] = ()
    trace: str = ""
    silenced: Silenced | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Parameters
    ----------
    at : unix seconds
    what : kind of the line
    text : in words
    channel : which it is about, "" for none
    until : end of what lasts, unix seconds: a hold, a row of repetitions
    trace : which trace it was part of, "" for none; of repetitions the last one's
    """

    at: float
    what: What
    text: str
    channel: str = ""
    until: float | None = None
    trace: str = ""


def timeline(story: Story) -> list[Entry]:
    """Return the lines, oldest first; repetitions without anything between them are one line."""
    entries = [*_told(story), *_grouped(story.grouped), *_silenced(story.silenced)]
    for sending in story.sendings:
        entries += (
            replace(entry, trace=story.trace) if entry.what in ("sent", "failed") else entry
            for entry in _sent(sending)
        )
    entries += (_verdict(one) for one in story.verdicts)
    return sorted(entries, key=lambda entry: (entry.at, _ORDER[entry.what]))


def _told(story: Story) -> Iterator[Entry]:
    row: list[Told] = []
    for told in sorted(story.told, key=lambda one: one.at):
        if told.change in (Change.REPEATED, Change.STALE):
            row.append(told)
            continue
        yield from _repeated(row)
        row = []
        yield _news(told)
        if told.change in (Change.OPENED, Change.MISSED):
            text = f"stored as incident {story.incident}"
            yield Entry(told.at, "stored", text, trace=told.trace)
    yield from _repeated(row)


def _news(told: Told) -> Entry:
    by = told.source or "the daemon itself"
    if told.source == "reconcile":
        text = f"{told.status}, found by reconcile: {told.cause}"
        return Entry(told.at, "recovered", text, trace=told.trace)
    receiver = f" for receiver {told.receiver}" if told.receiver else ""
    cause = f" ({told.cause})" if told.cause else ""
    what: What = "resolved" if told.change is Change.CLOSED else "received"
    text = f"{told.status} received from {by}{receiver}{cause}"
    return Entry(told.at, what, text, trace=told.trace)


def _repeated(row: Sequence[Told]) -> Iterator[Entry]:
    if row:
        times = "once more" if len(row) == 1 else f"{len(row)} times more"
        sources = ", ".join(dict.fromkeys(one.source for one in row if one.source))
        first, last = row[0].at, row[-1].at
        text = f"received {times} from {sources or 'the daemon itself'}"
        until = last if len(row) > 1 else None
        yield Entry(first, "repeated", text, until=until, trace=row[-1].trace)


def _grouped(grouped: Grouped | None) -> Iterable[Entry]:
    if grouped is not None:
        yield Entry(grouped.at, "grouped", f"one cause with group {grouped.group}: {grouped.why}")


def _silenced(silenced: Silenced | None) -> Iterator[Entry]:
    if silenced is None:
        return
    text = f"silenced by harmless pattern {silenced.pattern}"
    if silenced.incidents:
        text += f": same shape and hour as incidents {', '.join(map(str, silenced.incidents))}"
    if silenced.until is not None:
        text += f"; until {datetime.fromtimestamp(silenced.until, UTC).date()}"
    yield Entry(silenced.at, "silenced", text)
    if silenced.left_at is not None and silenced.left is not None:
        why = left_words(silenced.left, silenced.left_at - silenced.at)
        yield Entry(silenced.left_at, "let_through", f"let through: {why}")


def _sent(sending: Sending) -> Iterator[Entry]:
    name = sending.channel
    about = "" if sending.kind == "firing" else f"{sending.kind} "
    if sending.held_reason:
        why = _HELD.get(sending.held_reason, sending.held_reason)
        yield Entry(sending.created_at, "held", f"{name} held ({why})", name, sending.held_until)
    if sending.admitted_at is not None:
        waited = sending.admitted_at - sending.created_at
        after = f" after {span(waited)}" if waited >= 1 else ""
        yield Entry(sending.admitted_at, "admitted", f"{name} {about}let through{after}", name)
    for number, one in enumerate(sending.tries, 1):
        how = "sent" if one.is_sent else f"failed (attempt {number})"
        text = f"{name} {about}{how} in {one.seconds:.2g} s: {one.detail}"
        yield Entry(one.at, "sent" if one.is_sent else "failed", text, name)
    if sending.digest is not None:
        at = sending.digest_at or sending.finished_at or sending.created_at
        yield Entry(at, "digested", f"{name} named in digest {sending.digest}", name)
    if sending.state in ("suppressed", "dead") and sending.finished_at is not None:
        why = _NOT_NEEDED.get(sending.detail, sending.detail).replace("_pattern ", " pattern ")
        verb = "not needed" if sending.state == "suppressed" else "given up"
        yield Entry(sending.finished_at, "suppressed", f"{name} {about}{verb}: {why}", name)


def _verdict(one: Verdict) -> Entry:
    said = VERDICTS.get(one.verdict, one.verdict)
    reason = f": {one.reason}" if one.reason else ""
    return Entry(one.at, "verdict", f"{said}, says {one.author or 'somebody'} by {one.via}{reason}")
