"""What happens to one query at one instant: which columns to ask for, and what is kept."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from exporter.config import QueryConfig, fingerprint, milliseconds, plan_of
from exporter.core.published import Published
from exporter.core.series import SeriesBatch
from exporter.core.source import Source
from exporter.errors import DetectorError
from exporter.pipeline import QueryState, advance, cold_state
from exporter.publishing import publish, warming, warmth

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one evaluation of one query did.

    Parameters
    ----------
    published : its gauges
    columns : how many new columns were judged; 0 when there was nothing new to ask for
    dropped : series above the query's limit
    warming : series that no detector can judge yet
    warmth : how much of the ensemble has seen enough, 0 to 1
    failures : detectors that could not tell
    """

    published: Published
    columns: int
    dropped: int
    warming: int
    warmth: float
    failures: tuple[DetectorError, ...]


class QueryRunner:
    """One query and its state; `run` is called from one thread at a time.

    Parameters
    ----------
    query : resolved, see `Config.all_queries`
    source : where its samples come from
    state : what an earlier runner of the same fingerprint learned
    timed : wraps each phase, for the phase histogram
    """

    def __init__(
        self,
        query: QueryConfig,
        source: Source,
        state: QueryState | None,
        timed: Callable[[str, float], None],
        clock: Callable[[], float],
    ) -> None:
        self.query = query
        self.plan = plan_of(query)
        self.fingerprint = fingerprint(query)
        self.state = state or cold_state(self.plan)
        self._source = source
        self._timed = timed
        self._clock = clock
        self._step = milliseconds(query.step)
        self._lookback = milliseconds(query.lookback)
        self._dropped = 0

    def run(self, now: float) -> Outcome:
        """Ask for the columns up to `now` (unix seconds) that are still unknown and judge them.

        Raises
        ------
        QueryError
            The query has no answer; the state is as before, and the next call asks for the same
            columns again.
        """
        end = (milliseconds(now) - milliseconds(self.query.offset)) // self._step * self._step
        is_ahead = self.state.until > end + self.plan.grace
        if self.state.until >= end and not is_ahead:
            return self._outcome(0, ())
        start = self.state.until + self._step
        state = self.state
        if is_ahead:
            log.warning(
                "the clock is behind the last evaluation, starting cold from the look-back",
                extra={"query": self.query.name, "seconds": (self.state.until - end) / 1000},
            )
        if is_ahead or start < end - self._lookback:
            start = end - self._lookback // self._step * self._step
            state = cold_state(self.plan)
        began = self._clock()
        batch = self._source.fetch(self.query.expr, start, end, self._step, self.query.timeout)
        fetched = self._clock()
        self._timed("fetch", fetched - began)
        batch, self._dropped = self._within_limit(batch, state)
        self.state, failures = advance(self.plan, state, batch)
        self._timed("detect", self._clock() - fetched)
        return self._outcome(len(batch.times), failures)

    def _outcome(self, columns: int, failures: tuple[DetectorError, ...]) -> Outcome:
        published = publish(self.plan, self.state)
        if not self.plan.missing_for:
            published = replace(published, missing=())
        return Outcome(
            published=published,
            columns=columns,
            dropped=self._dropped,
            warming=warming(published),
            warmth=warmth(self.plan, published),
            failures=failures,
        )

    def _within_limit(self, batch: SeriesBatch, state: QueryState) -> tuple[SeriesBatch, int]:
        """Keep at most `max_series`, always the same ones.

        Those known already come first, since a newcomer that took the place of one would let it
        look as if it had vanished; the others are chosen by the hash of their labels.
        """
        excess = len(batch.keys) - self.query.max_series
        if excess <= 0:
            return batch, 0
        known = set(state.keys)
        order = sorted(
            range(len(batch.keys)),
            key=lambda row: (
                batch.keys[row] not in known,
                hashlib.blake2b(batch.keys[row], digest_size=8).digest(),
            ),
        )
        kept = np.array(sorted(order[: self.query.max_series]), dtype=np.int64)
        return batch.rows(kept), excess
