"""Which part of the past is like the window? The same hours of the week, as the wall clock has it.

A Monday morning differs from the week as a whole though nothing has drifted.
"""

from typing import Final

import numpy as np

from exporter.core.series import Bools, Ints

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
HOURS_OF_WEEK: Final = 168

BLOCKS: Final = 8
"""Stretches that a past without days is halved by."""


def columns_like(times: Ints, now: Ints, step: int) -> Bools:
    """Return which columns of a baseline are of the same hours as the window.

    Of the week where it holds a week, else of the day where it holds a day, else all.

    Parameters
    ----------
    times, now : int64 [N] and [M], of baseline and window, wall clock in milliseconds, as
        `SeriesBatch.wall_times`
    step : milliseconds between columns

    Returns
    -------
    bool [N]
    """
    span = len(times) * step
    if span < DAY:
        return np.ones(len(times), dtype=np.bool_)
    return same_hours(times, now) if span >= WEEK else same_hours(times % DAY, now % DAY)


def same_hours(reference: Ints, recent: Ints) -> Bools:
    """Return which columns of a reference fall into an hour of the week that the window holds.

    Parameters
    ----------
    reference : int64 [N], wall clock in milliseconds
    recent : int64 [M], likewise, of the window

    Returns
    -------
    bool [N]
    """
    held = np.zeros(HOURS_OF_WEEK, dtype=np.bool_)
    held[recent // HOUR % HOURS_OF_WEEK] = True
    chosen: Bools = held[reference // HOUR % HOURS_OF_WEEK]
    return chosen


def halves(times: Ints, now: Ints, step: int) -> tuple[Bools, Bools]:
    """Return which half each column belongs to, so that both halves hold whole days.

    By turns of the days of the week where the baseline holds a week: the same hours of the week
    are in the same half on both sides. Else of days where it holds two; else of its eighths, and
    the window is in one half.

    times, now, step : see `columns_like`

    Returns
    -------
    bool [N], bool [M]
    """
    span = len(times) * step
    if span < 2 * DAY:
        blocks = np.arange(len(times)) // max(1, -(-len(times) // BLOCKS))
        return blocks % 2 == 1, np.ones(len(now), dtype=np.bool_)
    days = 7 if span >= WEEK else 2
    return times // DAY % days % 2 == 1, now // DAY % days % 2 == 1


def columns_a_day(step: int) -> int:
    """Return the columns of a day, 0 if the step does not divide it."""
    columns, rest = divmod(DAY, step)
    return 0 if rest else columns
