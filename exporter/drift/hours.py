"""Which part of the past is like the window? The same hours of the week, as the wall clock has it.

A Monday morning differs from the week as a whole though nothing has drifted.
"""

from typing import Final

import numpy as np

from exporter.core.series import Bools, Ints

HOUR: Final = 3_600_000
HOURS_OF_WEEK: Final = 168


def same_hours(reference: Ints, recent: Ints) -> Bools:
    """Return which columns of a reference fall into an hour of the week that the window holds.

    Parameters
    ----------
    reference : int64 [N], wall clock in milliseconds, as `SeriesBatch.wall_times`
    recent : int64 [M], likewise, of the window

    Returns
    -------
    bool [N]
    """
    held = np.zeros(HOURS_OF_WEEK, dtype=np.bool_)
    held[recent // HOUR % HOURS_OF_WEEK] = True
    chosen: Bools = held[reference // HOUR % HOURS_OF_WEEK]
    return chosen
