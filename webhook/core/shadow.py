"""How would other thresholds have done, on the same feedback?

A case is what people judged or marked. What its highest score was, and the threshold then, tells
whether another threshold would have been reached. Of alarms that nobody judged only the number is
known: they are counted, and never called false.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from webhook.core.quality import DAY, Case, Share, f1_of

IN_FORCE: Final = "in_force"
WINDOWS: Final[Mapping[str, int]] = {"7d": 7, "30d": 30}
"""The label `window`, and its days."""

FLOOR: Final = 0.3
"""No threshold is lowered below this, unless it is there already; the exporter's bound."""

STEP: Final = 15.0
"""Seconds between the scores that are looked at."""

# As the rules have it: what is not critical is seen twice within five minutes, and 90 s without
# end an alert.
_PAUSE, _TOGETHER = 90.0, 300.0
_CRITICAL = 0.9
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Variant:
    """Thresholds other than those in force; see `webhook.settings.shadow`."""

    name: str
    ratio: float
    queries: tuple[str, ...] = ()

    def is_about(self, query: str) -> bool:
        """Tell whether it has something to say of a query."""
        return not self.queries or query in self.queries


@dataclass(frozen=True, slots=True)
class Alarms:
    """How many alarms there would have been in so many watched days."""

    count: int = 0
    days: float = 0.0

    def __add__(self, other: "Alarms") -> "Alarms":
        return Alarms(self.count + other.count, self.days + other.days)


@dataclass(frozen=True, slots=True)
class Compared:
    """What would have become of what people judged.

    Parameters
    ----------
    kept, lost : incidents that people confirmed, that would have come and would not
    false_kept, false_spared : false alarms likewise
    neither_kept : expected changes and maintenance that would have come
    found, missed : marks of missed ones, that would have alerted and would not
    unknown : judged or marked, but nobody knows their scores; they count for none
    alarms : of all kinds, judged or not; no days where Prometheus could not tell
    """

    query: str
    variant: str
    ratio: float
    window: str
    kept: int
    lost: int
    false_kept: int
    false_spared: int
    neither_kept: int
    found: int
    missed: int
    unknown: int
    alarms: Alarms

    @property
    def precision(self) -> Share:
        """Real ones of those that would have come and were judged."""
        right = self.kept + self.found
        return Share(right, right + self.false_kept)

    @property
    def recall(self) -> Share:
        """Those that would have come, of all real ones that people know of."""
        right = self.kept + self.found
        return Share(right, right + self.lost + self.missed)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both, from their counts."""
        return f1_of(self.kept + self.found, self.false_kept + self.lost + self.missed)

    @property
    def alarms_per_day(self) -> float | None:
        """Alarms of all kinds; None before a day was watched."""
        return self.alarms.count / self.alarms.days if self.alarms.days >= 1.0 else None

    @property
    def unjudged(self) -> int:
        """Alarms that nobody judged: neither right nor false."""
        judged = self.kept + self.false_kept + self.neither_kept + self.found
        return max(0, self.alarms.count - judged)


def threshold_under(threshold: float, ratio: float) -> float:
    """Return a threshold as a variant would have it, within what the exporter allows."""
    return round(min(1.0, max(threshold * ratio, min(threshold, FLOOR))), _DIGITS)


def compared(
    query: str,
    variant: Variant,
    window: str,
    cases: Iterable[Case],
    alarms: Alarms,
    now: float,
) -> Compared:
    """Return how a variant would have done on what people judged in a window.

    Parameters
    ----------
    cases : of at least the window
    now : unix seconds
    """
    since = now - WINDOWS[window] * DAY
    counts = dict.fromkeys(
        (
            *("kept", "lost", "false_kept", "false_spared", "neither_kept", "neither_spared"),
            *("found", "missed", "unknown"),
        ),
        0,
    )
    for case in cases:
        if since <= case.at <= now:
            counts[_fate(case, variant.ratio)] += 1
    del counts["neither_spared"]
    return Compared(query, variant.name, variant.ratio, window, **counts, alarms=alarms)


def _fate(case: Case, ratio: float) -> str:
    if case.peak is None or case.threshold is None:
        return "unknown"
    reaches = case.peak >= threshold_under(case.threshold, ratio)
    if case.said == "missed":
        # Where the threshold in force was reached something else kept the alert away.
        return "found" if reaches and case.peak < case.threshold else "missed"
    # It did come, also where the score that is known was found at another instant.
    comes = reaches or ratio <= 1.0
    match case.said:
        case "confirmed":
            return "kept" if comes else "lost"
        case "false_alarm":
            return "false_kept" if comes else "false_spared"
        case _:
            return "neither_kept" if comes else "neither_spared"


def alarms_in(samples: Sequence[tuple[float, float]], start: float, end: float) -> int:
    """Return how many alarms begin within [start, end).

    Parameters
    ----------
    samples : instants at which the threshold was reached (unix seconds, ascending), with the scores
    """
    count, last = 0, -float("inf")
    run: list[tuple[float, float]] = []
    for at, score in [*samples, (float("inf"), 0.0)]:
        if run and at - run[-1][0] > _PAUSE:
            is_alarm = (
                len(run) > 1
                or run[0][0] - last <= _TOGETHER
                or max(score for _, score in run) >= _CRITICAL
            )
            count += is_alarm and start <= run[0][0] < end
            last = run[-1][0]
            run = []
        run.append((at, score))
    return count


def advice(one: Compared, in_force: Compared) -> str:
    """Say what a variant would have changed; nothing where nothing can be said.

    in_force : the same query and window
    """
    parts = []
    if one.ratio > 1.0 and (falses := one.false_kept + one.false_spared):
        parts.append(f"spared {one.false_spared} of {falses} false {_alarms(falses)}")
    if one.ratio > 1.0 and (real := one.kept + one.lost):
        parts.append(f"lost {one.lost} of {real} real {_alarms(real, 'one')}")
    if one.ratio < 1.0 and (marks := one.found + one.missed):
        parts.append(f"found {one.found} of {marks} missed {_alarms(marks, 'one')}")
    mine, theirs = one.alarms_per_day, in_force.alarms_per_day
    if mine is not None and theirs is not None:
        parts.append(f"raised {mine:.2g} alarms a day instead of {theirs:.2g}")
    if not parts:
        return ""
    *first, last = parts
    text = f"{one.variant} would have {', '.join(first)}{' and ' if first else ''}{last}"
    more = one.unjudged - in_force.unjudged
    if one.ratio < 1.0 and more > 0:
        text += f"; nobody has judged {more} of them"
    return text


def _alarms(count: int, word: str = "alarm") -> str:
    return word if count == 1 else f"{word}s"
