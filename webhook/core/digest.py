"""How does one message name everything that was held back?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from webhook.core.facts import Digest, DigestRow
from webhook.core.severity import LEVELS, Level
from webhook.core.throttle import HeldReason, Rules, in_words

# More lines than this nobody reads on a phone; the digest's page lists everything.
ROWS = 15
# What a line tells apart by name.
NAMES = 2
_LONGEST_NAME = 60
# What the series of an alert have in common, or what the line says already.
_COMMON = frozenset({"alertname", "severity", "query", "job"})


@dataclass(frozen=True, slots=True)
class HeldGroup:
    """Incidents held back for one reason that differ in nothing but their series.

    Parameters
    ----------
    count, still_open : how many, and how many of them still fire
    names : what tells the first of them apart
    """

    level: Level
    alertname: str
    query: str
    reason: HeldReason
    count: int
    still_open: int
    names: tuple[str, ...] = ()


def make_digest(
    groups: Sequence[HeldGroup],
    by_level: Mapping[Level, int],
    still_open: int,
    since: float,
    until: float,
    rules: Rules,
) -> Digest:
    """Return the digest of what is held: the worst first, then what still fires, then the many.

    Parameters
    ----------
    groups : those that matter most; `by_level` and `still_open` count all incidents
    since, until : when the first was held, and now; unix seconds
    """
    worst_first = sorted(
        groups, key=lambda each: (LEVELS.index(each.level), each.still_open == 0, -each.count)
    )
    rows = tuple(
        DigestRow(
            level=group.level,
            what=_what(group),
            count=group.count,
            is_open=group.still_open > 0,
            why_held=in_words(group.reason, rules),
        )
        for group in worst_first[:ROWS]
    )
    return Digest(
        since=since,
        until=until,
        held=sum(by_level.values()),
        still_open=still_open,
        rows=rows,
        by_level={level: by_level[level] for level in LEVELS if by_level.get(level)},
    )


def told_apart(labels: Mapping[str, str]) -> str:
    """Return what tells a series apart from others of its query: its instance, else the rest."""
    name = labels.get("instance", "")
    if not name:
        name = " ".join(labels[key] for key in sorted(labels) if key not in _COMMON)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _what(group: HeldGroup) -> str:
    what = " ".join(part for part in (group.alertname, group.query) if part) or "(no alertname)"
    names = [name for name in dict.fromkeys(group.names) if name][:NAMES]
    if not names:
        return what
    more = group.count - len(names)
    listed = ", ".join(names)
    return f"{what}: {listed} and {more} more" if more else f"{what}: {listed}"
