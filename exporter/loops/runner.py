"""What happens to one query at one instant: which columns to ask for, and what is kept.

Many columns, as of a look-back, are asked for and judged some at a time, so that other queries have
their turn in between.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock

from exporter.conditions import AtPresent, none_at_present
from exporter.config import MOST_COLUMNS, QueryConfig, milliseconds
from exporter.core.published import Published
from exporter.core.quality import Quality
from exporter.core.series import NEVER, SeriesBatch
from exporter.core.source import Source
from exporter.errors import DetectorError
from exporter.loops.slices import Slices, within_limit
from exporter.loops.warmup import WarmUp
from exporter.masking import advance_under
from exporter.pipeline import QueryState, cold_state, without_gone
from exporter.planning import fingerprint, plan_of
from exporter.publishing import publish, silent, size_of, warming, warmth

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
    quality : how complete the data were
    histograms : series that are native histograms, which nothing judges
    masked : series that nothing is learned of now
    asking, judging : seconds that Prometheus took, and that we took after it
    size : bytes of what was learned
    is_behind : there are more columns up to now; to be called again at once
    """

    published: Published
    columns: int
    dropped: int
    warming: int
    warmth: float
    failures: tuple[DetectorError, ...]
    quality: Quality
    histograms: int
    masked: int = 0
    asking: float = 0.0
    judging: float = 0.0
    size: int = 0
    is_behind: bool = False


class QueryRunner:
    """One query and its state; `run` is called from one thread at a time.

    Parameters
    ----------
    query : resolved, see `Config.all_queries`
    source : where its samples come from
    state : what an earlier runner of the same fingerprint learned
    timed : wraps each phase, for the phase histogram
    at_present : what holds for the query, besides how it is configured

    Attributes
    ----------
    plan : as configured
    weighed : the plan with the weights by which votes were last combined
    """

    def __init__(
        self,
        query: QueryConfig,
        source: Source,
        state: QueryState | None,
        timed: Callable[[str, float], None],
        clock: Callable[[], float],
        at_present: AtPresent = none_at_present,
    ) -> None:
        self.query = query
        self.plan = plan_of(query)
        self.fingerprint = fingerprint(query)
        self.state = state or cold_state(self.plan)
        self._timed = timed
        self._clock = clock
        self.at_present = at_present
        self.weighed = at_present().weighed(self.plan)
        self._step = milliseconds(query.step)
        self._lookback = milliseconds(query.lookback)
        # What is still known of a series is worth asking for all that came since.
        kept_for = min(milliseconds(query.remember_for), MOST_COLUMNS * self._step)
        self._reach = max(self._lookback, kept_for)
        self._slices = Slices(query.name, query.expr, self._step, query.timeout, source, clock)
        self._warm_up = WarmUp(self.plan.detectors, self._step)
        self._asking = self._judging = 0.0
        self._is_cold = False
        self._dropped = 0
        self._histograms = 0
        self._lock = Lock()

    def succeed(self, before: "QueryRunner") -> None:
        """Go on with the look-back that the runner which this one's state is from may be in."""
        self._is_cold = before._is_cold

    @contextmanager
    def held(self) -> Iterator[QueryState]:
        """Give the state to read, and let no evaluation change it meanwhile."""
        with self._lock:
            yield self.state

    @property
    def has_looked_back(self) -> bool:
        """Whether all of the look-back is learned; any thread may ask."""
        return self.state.until != NEVER and not self._is_cold

    def ready_in(self, published: Published) -> float | None:
        """Return after how many seconds the last series can be judged; any thread may ask.

        None where that is not known.
        """
        return self._warm_up.ready_in(silent(published))

    def copy(self) -> QueryState:
        """Return a copy of the state, which nobody else writes to."""
        with self._lock:
            state = self.state
            return replace(
                state,
                latest={name: array.copy() for name, array in state.latest.items()},
                detectors={
                    kind: {name: array.copy() for name, array in arrays.items()}
                    for kind, arrays in state.detectors.items()
                },
            )

    def swap(self, old: int, state: QueryState) -> QueryState | None:
        """Put another version in force, and return what the old one has become.

        The next `run` asks for what the new one has not seen yet.

        old : number of the version that is believed to be in force; None is returned if it is not
        """
        with self._lock:
            if self.state.model != old or self._is_cold:
                return None
            retired, self.state = self.state, state
            return retired

    def number(self, model: int) -> None:
        """Give a state that is of no version yet, after a cold start, its number."""
        with self._lock:
            self.state = replace(self.state, model=model)

    def run(self, now: float) -> Outcome:
        """Ask for the columns up to `now` (unix seconds) that are still unknown and judge them.

        If these are many, only for the first of them; the outcome says that it `is_behind`.

        Raises
        ------
        QueryError
            The query has no answer; the state is as before, and the next call asks for the same
            columns again.
        """
        end = (milliseconds(now) - milliseconds(self.query.offset)) // self._step * self._step
        self._asking = self._judging = 0.0
        until, model = self._place()
        is_ahead = until > end + self.plan.grace
        if until >= end and not is_ahead:
            return self._outcome(0, ())
        start = until + self._step
        is_cold = is_ahead or start < end - self._reach
        if is_ahead:
            log.warning(
                "the clock is behind the last evaluation, starting cold from the look-back",
                extra={"query": self.query.name, "seconds": (until - end) / 1000},
            )
        if is_cold:
            start = end - self._lookback // self._step * self._step
        last, batch = self._fetch(start, end)
        began = self._clock()
        with self._lock:
            if self._place() != (until, model):
                return self._outcome(
                    0, (), is_behind=True
                )  # another version asks for other columns
            if is_cold:
                self.state, self._is_cold = cold_state(self.plan), True
                self._warm_up.begin()
            failures = self._learn(batch)
            if last == end and self._is_cold:
                self.state, self._is_cold = without_gone(self.plan, self.state), False
        self._judging = self._clock() - began
        self._timed("detect", self._judging)
        return self._outcome(len(batch.times), failures, is_behind=last < end)

    def _place(self) -> tuple[int, int]:
        """Return which column was the last, and of which version the state is."""
        state = self.state
        return state.until, state.model

    def _fetch(self, start: int, end: int) -> tuple[int, SeriesBatch]:
        began = self._clock()
        last, batch = self._slices.fetch(start, end, len(self.state.keys))
        self._asking = self._clock() - began
        self._timed("fetch", self._asking)
        self._histograms = batch.histograms
        return last, batch

    def _learn(self, batch: SeriesBatch) -> tuple[DetectorError, ...]:
        """Judge the batch and keep what was learned of it, in the place of what was known."""
        limit = self.query.max_series
        batch, self._dropped = within_limit(batch, set(self.state.keys), limit)
        learned = cold_state(self.plan)
        conditions = self.at_present()
        try:
            learned, failures = advance_under(self.plan, self.state, batch, conditions, owned=True)
        finally:  # after a defect cold: some detectors may have learned the batch, others not
            self.state, self.weighed = learned, conditions.weighed(self.plan)
        self._warm_up.note(batch)
        return failures

    def _outcome(
        self, columns: int, failures: tuple[DetectorError, ...], *, is_behind: bool = False
    ) -> Outcome:
        published = publish(self.weighed, self.state)
        published = self.at_present().published(published, self.state.until)
        unjudged = warming(published)
        self._warm_up.only_while(unjudged)
        return Outcome(
            published=published,
            columns=columns,
            dropped=self._dropped,
            warming=unjudged,
            warmth=warmth(self.plan, published),
            failures=failures,
            quality=self.state.quality,
            histograms=self._histograms,
            masked=len(self.state.aside.keys),
            asking=self._asking,
            judging=self._judging,
            size=size_of(self.state),
            is_behind=is_behind,
        )
