"""What is known of a model's predictions, version by version and day by day?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from exporter.core.series import NEVER
from exporter.modelwatch.day import DAY, Day, compressed, merged

KEPT: Final = 90
"""Days that are kept, besides the first ones of the version."""

FIRST: Final = 30
"""Days from a version's first prediction with a known truth, which it is compared with later."""

MOST: Final = 5
"""Versions that are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """One version's days.

    Parameters
    ----------
    version : of the model
    fingerprint : what its days depend on
    since : unix milliseconds up to which predictions are those of another version, or `NEVER`
    until : up to which all is counted, likewise; never before `since`
    days : number since 1970 -> that day, as far as it is kept
    """

    version: str
    fingerprint: str
    since: int = NEVER
    until: int = NEVER
    days: Mapping[int, Day] | None = None

    @property
    def known(self) -> Mapping[int, Day]:
        """The days."""
        return self.days or {}

    def plus(self, until: int, new: Sequence[tuple[int, Day]]) -> "Tally":
        """Return it with what was found up to an instant, without days that are too old."""
        days = dict(self.known)
        for number, day in new:
            days[number] = compressed(merged([days[number], day]) if number in days else day)
        tally = replace(self, until=until, days=days)
        # Back from the newest day that holds something: a clock that is ahead finds nothing.
        after = max(days, default=0) - KEPT
        kept = set(tally.first())
        return replace(tally, days={n: day for n, day in days.items() if n > after or n in kept})

    def back_to(self, end: int, step: int) -> "Tally":
        """Return it without the day of an instant and later ones, which are to be asked for again.

        So a clock that was set back, or had been ahead, neither counts twice nor leaves out.

        step : milliseconds between predictions
        """
        number = end // DAY
        until = max(self.since, (number * DAY - 1) // step * step)
        return replace(
            self, until=until, days={one: day for one, day in self.known.items() if one < number}
        )

    def newest(self, count: int) -> dict[int, Day]:
        """Return those of the newest days, the one that goes on included."""
        after = self.until // DAY - count
        return {number: day for number, day in self.known.items() if number > after}

    def first(self) -> dict[int, Day]:
        """Return those of the version's first days, from the first known truth on."""
        labelled = [number for number, day in self.known.items() if day.labelled]
        start = min(labelled, default=0)
        return {n: day for n, day in self.known.items() if start <= n < start + FIRST}


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """A model's versions, in the order in which they came into force; the last one is.

    Parameters
    ----------
    versions : at least one
    """

    versions: tuple[Tally, ...]

    @property
    def current(self) -> Tally:
        """That of the version in force."""
        return self.versions[-1]

    @property
    def previous(self) -> Tally | None:
        """That of the version before."""
        return self.versions[-2] if len(self.versions) > 1 else None

    def with_current(self, tally: Tally) -> "History":
        """Return it with another tally of the version in force."""
        return History((*self.versions[:-1], tally))


def taken_up(history: History | None, version: str, fingerprint: str) -> History:
    """Return the history with a version in force.

    One that was in force before goes on where it was. Where the expressions do not tell versions
    apart, what was predicted until now was another's, so that it begins, or goes on, now.

    fingerprint : what its days depend on
    """
    if history is None:
        return History((Tally(version, fingerprint),))
    current = history.current
    if (current.version, current.fingerprint) == (version, fingerprint):
        return history
    others = [one for one in history.versions if one.version != version]
    tally = Tally(version, fingerprint)
    for one in history.versions:
        if (one.version, one.fingerprint) == (version, fingerprint):
            tally = one
    if current.version != version and current.fingerprint == fingerprint:
        tally = replace(tally, since=current.until, until=current.until)
    return History((*others[-(MOST - 1) :], tally))
