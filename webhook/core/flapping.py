"""Does an alert come and go so often that each time is no news any more?"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flapping:
    """An alert that opens `changes` times (>= 2) `within` that many seconds flaps."""

    changes: int
    within: float

    def calm_at(self, openings: Sequence[float]) -> float | None:
        """Return when an alert is calm if it opens no more; None when it does not flap.

        Parameters
        ----------
        openings : when it opened, the last one included, ascending; unix seconds
        """
        if not openings:
            return None
        first = bisect_right(openings, openings[-1] - self.within)
        if len(openings) - first < self.changes:
            return None
        return openings[-self.changes] + self.within

    def is_new(self, openings: Sequence[float]) -> bool:
        """Tell whether it had not flapped the time before, so that people have not heard of it."""
        return self.calm_at(openings[:-1]) is None
