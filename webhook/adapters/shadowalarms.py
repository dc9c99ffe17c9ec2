"""How many alarms would other thresholds have raised? Prometheus has all scores.

It is asked for an hour at a time, each once: what they held is kept as counts for six of them, so
that a month is known without asking for it again.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from webhook.adapters.factstore import get_fact, put_fact
from webhook.adapters.prometheus import Prometheus, PrometheusError, Track
from webhook.core.links import quoted
from webhook.core.quality import DAY
from webhook.core.shadow import FLOOR, STEP, Alarms, Variant, alarms_in

STRETCH = 6 * 3_600.0
HOUR = 3_600.0
UNANSWERABLE = ("too_large", "rejected")
"""Prometheus refuses an expression that touches too many samples, and so do we."""

KEPT_DAYS = 30
# How far back a new variant looks, and how late a sample may be in Prometheus.
_BACK, _LATE = 7 * DAY, 60.0
_SHORTEST = 900.0
# The end of an alarm before: what begins then is not new.
_OVERLAP = 600.0
_WATCHED_STEP = 300.0


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of one variant.

    Parameters
    ----------
    about : what it was when it was counted; another ratio starts anew
    until : unix seconds; all before is counted
    stretches : start of a stretch in unix seconds -> query -> alarms
    """

    about: str
    until: float
    stretches: Mapping[int, Mapping[str, Alarms]] = field(default_factory=dict)

    def within(self, query: str, since: float) -> Alarms:
        """Return the alarms of a query since an instant."""
        known = (
            alarms[query]
            for start, alarms in self.stretches.items()
            if start >= since and query in alarms
        )
        return sum(known, Alarms())

    def and_then(self, start: float, until: float, found: Mapping[str, Alarms]) -> "Counted":
        """Return it with what was found between two instants, without what is too old."""
        slot = int(start // STRETCH * STRETCH)
        merged = dict(self.stretches.get(slot, {}))
        for query, alarms in found.items():
            merged[query] = merged.get(query, Alarms()) + alarms
        oldest = until - KEPT_DAYS * DAY - STRETCH
        kept = {at: each for at, each in self.stretches.items() if at >= oldest}
        return Counted(self.about, until, {**kept, slot: merged})


def read_counted(connection: Connection, variant: Variant, now: float) -> Counted:
    """Return what is known of a variant, nothing where it was another one."""
    document = _stored(connection, variant, now)
    if document is None:
        return Counted(_about(variant), now - _BACK)
    return Counted(
        document["about"],
        # Older than this nobody needs, however long the daemon was away.
        max(document["until"], now - _BACK),
        {
            int(start): {query: Alarms(*alarms) for query, alarms in each.items()}
            for start, each in document["stretches"].items()
        },
    )


def write_counted(
    connection: Connection, variant: Variant, before: Counted, after: Counted, now: float
) -> bool:
    """Write down what is known now; tell whether no other replica was faster."""
    stored = _stored(connection, variant, now)
    if stored is not None and stored["until"] > before.until:
        return False
    document = {
        "about": after.about,
        "until": after.until,
        "stretches": {
            str(start): {query: [one.count, one.days] for query, one in each.items()}
            for start, each in after.stretches.items()
        },
    }
    put_fact(connection, _name(variant), document, now)
    return True


def _stored(connection: Connection, variant: Variant, now: float) -> Any:
    """Return what was written down of a variant; None where that is of no use."""
    document = get_fact(connection, _name(variant))
    if document is None or document["about"] != _about(variant):
        return None
    # Nobody counts ahead: the clock was wrong, and what it was about nobody can tell.
    return document if document["until"] <= now else None


def _name(variant: Variant) -> str:
    return f"shadow_{variant.name}"


def _about(variant: Variant) -> str:
    return f"{variant.ratio:g} {' '.join(sorted(variant.queries))}".strip()


def next_stretch(counted: Counted, now: float) -> tuple[float, float] | None:
    """Return what is to be asked for next, unix seconds; None while it is too early."""
    start = counted.until
    whole = min(start + HOUR, (start // STRETCH + 1) * STRETCH)
    known = (now - _LATE) // STEP * STEP
    if whole <= known:
        return start, whole
    return (start, known) if known - start >= _SHORTEST else None


async def count_alarms(
    prometheus: Prometheus, variant: Variant, start: float, end: float, seconds: float
) -> dict[str, Alarms]:
    """Return the alarms that would have begun within [start, end), by query.

    Raises
    ------
    PrometheusError
        Without complete answers in so many `seconds` each.
    """
    first, last = math.ceil(start / STEP) * STEP, end - 1.0
    try:
        tracks = await prometheus.course(_reached(variant), first - _OVERLAP, last, STEP, seconds)
    except PrometheusError as error:
        if error.reason not in UNANSWERABLE or end - start <= _SHORTEST:
            raise
        middle = start + (end - start) / 2 // STEP * STEP
        return _added(
            [
                await count_alarms(prometheus, variant, *half, seconds)
                for half in ((start, middle), (middle, end))
            ]
        )
    counts = _counts(tracks, start, end)
    watched_from = math.ceil(start / _WATCHED_STEP) * _WATCHED_STEP
    if watched_from > last:
        return {}
    present = f"count by (query) (anomaly_threshold{_selected(variant)})"
    watched = await prometheus.course(present, watched_from, last, _WATCHED_STEP, seconds)
    return {
        query: Alarms(counts.get(query, 0), len(track.times) * _WATCHED_STEP / DAY)
        for track in watched
        if (query := track.labels.get("query", ""))
    }


def _counts(tracks: Iterable[Track], start: float, end: float) -> dict[str, int]:
    counts: defaultdict[str, int] = defaultdict(int)
    for track in tracks:
        samples = list(zip(track.times, track.values, strict=True))
        counts[track.labels.get("query", "")] += alarms_in(samples, start, end)
    return counts


def _added(parts: Sequence[Mapping[str, Alarms]]) -> dict[str, Alarms]:
    total: dict[str, Alarms] = {}
    for part in parts:
        for query, alarms in part.items():
            total[query] = total.get(query, Alarms()) + alarms
    return total


def _selected(variant: Variant) -> str:
    if not variant.queries:
        return ""
    names = "|".join(_literal(name) for name in variant.queries)
    return f"{{query=~{quoted(names)}}}"


def _literal(text: str) -> str:
    return "".join(f"\\{each}" if each in r"\.+*?()|[]{}^$" else each for each in text)


def _reached(variant: Variant) -> str:
    """Return the PromQL for the scores that reach the variant's thresholds."""
    chosen = _selected(variant)
    threshold = f"anomaly_threshold{chosen}"
    moved = f"clamp_max({threshold} * {variant.ratio:g}, 1)"
    if variant.ratio < 1.0:
        lowered = f"clamp_min({threshold} * {variant.ratio:g}, {FLOOR:g})"
        moved = f"(({lowered} < {threshold}) or {threshold})"
    return f"anomaly_score{chosen} >= {moved}"
