"""What is found in one recording, as it is and changed?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.drift.followed import CANNOT, Choice, Severities, follow
from benchmarks.drift.injected import Change, Usual, usual_of
from benchmarks.drift.recorded import Recorded
from exporter.core.series import Bools, Floats
from exporter.drift.base import HIGH, MODERATE

WEEK: Final = 7
"""Days for which a change is followed."""

LONGEST: Final = 6 * WEEK
"""Days for which what is not changed is followed at most."""

MOSTLY: Final = 0.9
"""Share of samples that a recording needs."""

LEVELS: Final = (MODERATE, HIGH)

Kinds = Mapping[str, tuple[Change, tuple[float, ...]]]


@dataclass(frozen=True, eq=False)
class Found:
    """What came of a change, [tests and vote, levels, G]; of severity moderate and high, or more.

    Parameters
    ----------
    delay : float64, days from the change to the first check that finds it; inf for never
    is_silent : bool, whether nothing was found in the same days without the change
    tells : bool, whether any of the checks can tell at all
    """

    delay: Floats
    is_silent: Bools
    tells: Bools


@dataclass(frozen=True, eq=False)
class Quiet:
    """What was found where nothing was changed: [weeks, tests and vote, levels, G].

    Parameters
    ----------
    any : bool, whether any check of that week found something
    share : float64, how many of its checks did; NaN if none could tell
    """

    any: Bools
    share: Floats


@dataclass(frozen=True, eq=False)
class Site:
    """What is known of a stretch of a recording, by one choice.

    Parameters
    ----------
    found : kind and size -> what came of it
    untouched, shuffled : what was found in it as it is, and with its days in random order
    """

    dataset: str
    choice: str
    found: Mapping[tuple[str, float], Found]
    untouched: Quiet
    shuffled: Quiet


def examine(recorded: Recorded, choice: Choice, kinds: Kinds) -> Site | None:
    """Follow a recording as it is, shuffled and changed; None if it has no stretch for it."""
    step, day = recorded.step, choice.day // recorded.step
    reference = choice.reference // step
    start, stop = stretch(recorded, choice)
    if stop <= start:
        return None
    values = recorded.values[:, start:stop]
    first = recorded.first + start * step
    soon = min(reference + WEEK * day, values.shape[1])
    usual = usual_of(values, reference, day)
    moved = np.flatnonzero(usual.spread > 0)
    if not len(moved):
        return None
    untouched = follow(choice, step, first, values)
    shuffled = follow(choice, step, first, in_other_order(values, day))
    if untouched is None or shuffled is None:
        return None
    every = max(1, choice.interval // step)
    checks = (soon - reference) // every
    days = (1 + np.arange(checks)) * every / day
    # Of a group every second member changes: were it all of them, they would go on together.
    members = moved[::2]
    later = Usual(usual.middle[:, reference:soon], usual.spread).rows(members)
    found = {}
    for kind, (change, sizes) in kinds.items():
        for size in sizes:
            changed = values[:, :soon].copy()
            changed[members, reference:] = change(changed[members, reference:], later, size, day)
            severities = follow(choice, step, first, changed)
            if severities is not None:
                found[kind, size] = outcome(severities, untouched[:checks], days)
    weekly = max(1, WEEK * day // every)
    return Site(
        recorded.dataset,
        choice.name,
        found,
        quiet(untouched, weekly),
        quiet(shuffled, weekly),
    )


def stretch(recorded: Recorded, choice: Choice) -> tuple[int, int]:
    """Return the first columns [start, stop) of which nothing bad is known; empty if too few."""
    day = choice.day // recorded.step
    reference = choice.reference // recorded.step
    columns = recorded.values.shape[1]
    least = reference + WEEK * day if choice.needs_week else reference + day
    missing = np.isnan(recorded.values).sum(0) > 0
    for start in range(0, columns - least + 1, day):
        soon = slice(start, start + least)
        if recorded.is_labelled[soon].any() or missing[soon].mean() > 1 - MOSTLY:
            continue
        bad = np.flatnonzero(recorded.is_labelled[start:])
        stop = min(columns, start + int(bad[0])) if len(bad) else columns
        whole = max(1, (stop - start - reference) // (WEEK * day)) * WEEK * day
        return start, min(stop, start + reference + min(whole, LONGEST * day))
    return 0, 0


def in_other_order(values: Floats, day: int) -> Floats:
    """Return whole days in random order, what is left over at the end as it is."""
    days = values.shape[1] // day
    order = np.random.default_rng(1).permutation(days)
    whole = values[:, : days * day].reshape(len(values), days, day)[:, order]
    return np.hstack([whole.reshape(len(values), -1), values[:, days * day :]])


def outcome(changed: Severities, untouched: Severities, days: Floats) -> Found:
    """Return what came of a change; checks are `days` after it."""
    is_found = reached(changed)
    delay = np.where(is_found.any(0), days[is_found.argmax(0)], np.inf)
    tells = np.broadcast_to((changed != CANNOT).any(0)[:, None], delay.shape)
    return Found(delay, np.logical_not(reached(untouched).any(0)), tells)


def quiet(untouched: Severities, weekly: int) -> Quiet:
    """Return what was found week by week of so many checks; a part of one counts as one."""
    weeks = list(_weeks(untouched, weekly))
    with np.errstate(invalid="ignore"):
        shares = [
            reached(week).sum(0) / (week != CANNOT).sum(0)[:, None].astype(np.float64)
            for week in weeks
        ]
    return Quiet(np.array([reached(week).any(0) for week in weeks]), np.array(shares))


def _weeks(severities: Severities, weekly: int) -> Iterator[Severities]:
    for start in range(0, len(severities), weekly):
        yield severities[start : start + weekly]


def reached(severities: Severities) -> Bools:
    """Return which reach the levels, bool [checks, tests and vote, levels, G]."""
    levels: Bools = severities[:, :, None] >= np.array(LEVELS)[:, None]
    return levels
