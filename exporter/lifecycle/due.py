"""When is a challenger due, and why?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from exporter.lifecycle.versions import Life, Reason

CHECKS: Final = 2
"""Drift checks in a row that have to find it."""


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """How often one may be made.

    Parameters
    ----------
    refit : seconds between those by schedule; None for never
    drift : seconds between those on drift, the window of its checks; None for never
    tail : seconds of data that have to be held back
    """

    refit: float | None
    drift: float | None
    tail: float

    @property
    def hold(self) -> float:
        """Seconds after a roll-back in which none is made but on command."""
        return self.refit or self.drift or self.tail


def reason_due(
    life: Life, cadence: Cadence, now: float, *, is_asked: bool, has_drifted: bool
) -> Reason | None:
    """Return why a challenger is due at `now` (unix seconds), or None.

    Parameters
    ----------
    is_asked : somebody wants one
    has_drifted : the checks say so
    """
    if is_asked:
        return "command"
    if now < life.held_until:
        return None
    if has_drifted and cadence.drift is not None and now >= life.drifted + cadence.drift:
        return "drift"
    if cadence.refit is not None and now >= life.tried + cadence.refit:
        return "schedule"
    return None


def seconds_until_due(life: Life, cadence: Cadence, now: float, *, has_drifted: bool) -> float:
    """Return when the next one is due as far as is known at `now`; inf for never."""
    due = [float("inf")]
    if cadence.refit is not None:
        due.append(life.tried + cadence.refit)
    if has_drifted and cadence.drift is not None:
        due.append(life.drifted + cadence.drift)
    return max(min(due), life.held_until) - now


class DriftStreak:
    """How often in a row have most series of a query drifted?"""

    def __init__(self) -> None:
        self.counts: Mapping[str, int] | None = None
        self._checks = 0

    def note(self, counts: Mapping[str, int]) -> None:
        """Note the series by severity that a check has found."""
        self.counts = dict(counts)
        self._checks = self._checks + 1 if is_majority(counts) else 0

    def clear(self) -> None:
        """Begin anew: what was found is dealt with."""
        self._checks = 0

    @property
    def has_drifted(self) -> bool:
        """Whether enough checks have found it."""
        return self._checks >= CHECKS


def is_majority(counts: Mapping[str, int]) -> bool:
    """Say whether more than half of the series that can be told of drifted highly or critically."""
    drifted = counts.get("high", 0) + counts.get("critical", 0)
    return 2 * drifted > sum(counts.values())
