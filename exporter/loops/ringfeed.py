"""How does a query's ring stay up to date? It asks for what is new, and forgets what is gone."""

from collections.abc import Callable

import numpy as np

from exporter.config import QueryConfig, milliseconds
from exporter.core.ring import Ring
from exporter.core.source import Source
from exporter.loops.slices import Slices, within_limit


class RingFeed:
    """Fills the ring of one query; called from one thread at a time.

    Parameters
    ----------
    query : resolved, see `Config.all_queries`
    ring : its past, empty yet
    source : where its samples come from
    clock : seconds that never go back

    Attributes
    ----------
    ring : its past; whoever needs more of it puts another, empty one in its place
    dropped : series above the query's limit, in the last answer
    """

    def __init__(
        self, query: QueryConfig, ring: Ring, source: Source, clock: Callable[[], float]
    ) -> None:
        self.ring = ring
        self.dropped = 0
        self._query = query
        self._slices = Slices(query.name, query.expr, ring.step, query.timeout, source, clock)

    def succeed(self, before: "RingFeed") -> None:
        """Go on with the past that the feed of the same query has, if it is of the same form."""
        ring = before.ring
        is_same = (ring.step, ring.columns) == (self.ring.step, self.ring.columns)
        if is_same and before._query.expr == self._query.expr:
            self.ring = ring

    def advance(self, now: float) -> bool:
        """Ask for what is new up to `now` (unix seconds); return whether that was all of it.

        Raises
        ------
        QueryError
            The query has no answer; the next call asks for the same columns again.
        """
        step = self.ring.step
        end = (milliseconds(now) - milliseconds(self._query.offset)) // step * step
        if self.ring.until > end:
            self.ring = Ring(step, self.ring.columns)  # the clock was set back
        ring = self.ring
        start = max(ring.until, end - ring.columns * step) + step
        if start > end:
            return True
        last, batch = self._slices.fetch(start, end, len(ring.keys))
        batch, self.dropped = within_limit(batch, set(ring.keys), self._query.max_series)
        ring.append(batch)
        if last < end:
            return False
        self._forget()
        return True

    def _forget(self) -> None:
        """Drop the series that have been gone for too long, or for longest if too many."""
        ring, query = self.ring, self._query
        grace = max(milliseconds(query.grace), 2 * ring.step)
        remembered = milliseconds(max(query.remember_for, query.missing_for))
        age = ring.until - ring.seen
        is_kept = age <= grace + remembered
        excess = int(is_kept.sum()) - query.max_series
        if excess > 0:
            longest = np.argsort(np.where(is_kept, -age, 1), kind="stable")[:excess]
            is_kept[longest] = False
        if not is_kept.all():
            ring.keep(np.flatnonzero(is_kept))
