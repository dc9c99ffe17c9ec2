"""What does a notification say, whichever channel carries it?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from webhook.core.alerts import Status
from webhook.core.facts import Breach, Cause, Course, Digest, History, Links, Reading, Siblings

# Where rules may put the numbers, first match wins; annotations are looked at before labels.
_NUMBERS = {
    "value": ("value",),
    "expected": ("expected", "expected_value"),
    "lower_bound": ("lower_bound", "lower"),
    "upper_bound": ("upper_bound", "upper"),
    "score": ("score",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One notification, about one incident or, with a `digest`, about many; times in unix seconds.

    Parameters
    ----------
    key : the same at every attempt, so that a receiver can drop duplicates by it
    incident : its number; 0 for a digest or a test
    level : critical, high, medium or low: what the severity means here
    handle : what the channel returned for the firing of this incident, so that a resolved can edit
        or answer it
    why : in words, why this is an anomaly
    sparkline : the last hours as one line of text
    picture : PNG of the series with its band
    picture_alt : what the picture shows, for who cannot see it
    text : title and body of the user's own templates, where there are some
    zone : name of the time zone that the reader's clock is in
    trace : W3C trace id of the delivery that opened the incident; "" for none
    """

    key: str
    incident: int
    status: Status
    severity: str
    alertname: str
    query: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: float
    ends_at: float | None
    generator_url: str
    links: Links
    is_test: bool = False
    level: str = "low"
    handle: Mapping[str, object] | None = None
    reading: Reading | None = None
    course: Course | None = None
    siblings: Siblings | None = None
    history: History | None = None
    breach: Breach | None = None
    cause: Cause | None = None
    digest: Digest | None = None
    why: str = ""
    sparkline: str = ""
    picture: bytes | None = None
    picture_alt: str = ""
    text: tuple[str, str] | None = None
    zone: str = "UTC"
    trace: str = ""

    @property
    def title(self) -> str:
        """One line for a phone: state, severity, what, and the summary if there is one."""
        if self.digest is not None:
            held = self.digest.held
            alerts = "alert" if held == 1 else "alerts"
            return f"[DIGEST] {held} {alerts} held back, {self.digest.still_open} still firing"
        state = "RESOLVED" if self.status == "resolved" else self.severity.upper()
        what = " ".join(part for part in (self.alertname, self.query) if part)
        summary = self.annotations.get("summary", "")
        return f"[{state}] {what}: {summary}" if summary else f"[{state}] {what}"

    def numbers(self) -> dict[str, float | None]:
        """Return value, expected value, bounds and score as far as the alert carries them."""
        return numbers_of(self.annotations, self.labels)

    def as_json(self) -> dict[str, object]:
        """Return the documented JSON object (docs/webhook.md, "The webhook channel")."""
        return {
            "version": "1",
            "id": self.key,
            "test": self.is_test,
            "incident": self.incident,
            "status": self.status,
            "severity": self.severity,
            "alertname": self.alertname,
            "query": self.query,
            "title": self.title,
            "summary": self.annotations.get("summary", ""),
            "description": self.annotations.get("description", ""),
            **self.numbers(),
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "starts_at": rfc3339(self.starts_at),
            "ends_at": None if self.ends_at is None else rfc3339(self.ends_at),
            "generator_url": self.generator_url,
            "links": {"incident": self.links.incident},
        }


def numbers_of(
    annotations: Mapping[str, str], labels: Mapping[str, str]
) -> dict[str, float | None]:
    """Return value, expected value, bounds and score as far as an alert carries them."""
    return {name: number_of(names, annotations, labels) for name, names in _NUMBERS.items()}


def rfc3339(seconds: float) -> str:
    """Write unix seconds as UTC with milliseconds, e.g. 2026-11-21T10:33:25.123Z."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def number_of(names: Sequence[str], *sources: Mapping[str, str]) -> float | None:
    """Return the first finite number that one of the sources has under one of the names."""
    for source in sources:
        for name in names:
            if (number := _finite(source.get(name, ""))) is not None:
                return number
    return None


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
