"""What would a model that is fitted now be like, beside the one in force, on data new to both?

Both are advanced over the same columns by the pipeline of the evaluations, and each is judged by
what it says of a column before it learns it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.conditions import AtPresent
from exporter.config import QueryConfig, milliseconds
from exporter.core.pieces import Stopped
from exporter.core.series import SeriesBatch, empty_batch
from exporter.core.source import Source
from exporter.lifecycle.feedback import (
    END,
    START,
    Incident,
    Watch,
    incidents_of,
    question,
    with_feedback,
)
from exporter.lifecycle.quality import Quality, Scales, Tally
from exporter.loops.slices import Slices, within_limit
from exporter.masking import evaluate_under
from exporter.pipeline import CELLS, Evaluation, QueryState, cold_state
from exporter.plan import Plan

MOST_SAMPLES: Final = 100_000_000
"""That a challenger learns from at most: a few minutes' work, and as many for Prometheus."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """A challenger, and how it did beside the champion.

    Parameters
    ----------
    state : what it has learned, the tail included
    challenger, champion : their qualities on the tail
    first, last : unix milliseconds of the history before the tail, from its first sample on
    columns, series, samples : of that history
    """

    state: QueryState
    challenger: Quality
    champion: Quality
    first: int
    last: int
    columns: int
    series: int
    samples: int


class Refit:
    """Fits and compares models of one query; called from one thread.

    Parameters
    ----------
    query : resolved, see `Config.all_queries`
    plan : of that query
    history : seconds that a challenger learns from
    source : where its samples come from
    clock : seconds that never go back
    is_stopped : asked before each piece of work, after which a `Stopped` ends it
    at_present : what holds for the query, besides how it is configured
    """

    def __init__(
        self,
        query: QueryConfig,
        plan: Plan,
        history: float,
        source: Source,
        clock: Callable[[], float],
        is_stopped: Callable[[], bool],
        at_present: AtPresent,
    ) -> None:
        self._query = query
        self._plan = plan
        self._step = milliseconds(query.step)
        self._lookback = milliseconds(query.lookback)
        self._history = max(milliseconds(history), self._lookback)
        self._source = source
        self._clock = clock
        self._is_stopped = is_stopped
        self._at_present = at_present

    def fit(self, champion: QueryState, end: int, now: int) -> Trial:
        """Fit a challenger and judge both on the tail.

        Parameters
        ----------
        champion : as of where the tail begins; used up
        end : unix milliseconds of the last column of the tail
        now : unix milliseconds, for what people have said

        Raises
        ------
        QueryError
            Prometheus has no answer.
        Stopped
            It was told to end.
        """
        incidents = self._incidents(now)
        last = champion.until
        first = last - self._length(len(champion.keys)) + self._step
        challenger, watch, before = cold_state(self._plan), Watch(incidents), None
        samples, begun = 0, last
        for batch in self._batches(first, last, len(champion.keys)):
            is_there = np.isfinite(batch.values)
            if is_there.any():
                begun = min(begun, int(batch.times[np.argmax(is_there.any(0))]))
                samples += int(is_there.sum())
            challenger = self._walk(challenger, batch, watch.add)
            before = batch
        series = len(challenger.keys)
        scales = Scales(empty_batch(np.array([last]), self._step) if before is None else before)
        del before
        tallies, past = (Tally(scales), Tally(scales)), Watch(incidents)
        for batch in self._batches(last + self._step, end, len(champion.keys)):
            challenger = self._walk(
                challenger, batch, lambda piece: tallies[0].add(piece, watch.add(piece))
            )
            champion = self._walk(
                champion, batch, lambda piece: tallies[1].add(piece, past.add(piece))
            )
        qualities = with_feedback(
            tallies[0].quality(), tallies[1].quality(), incidents, watch.raised, past.raised
        )
        return Trial(
            state=challenger,
            challenger=qualities[0],
            champion=qualities[1],
            first=begun,
            last=last,
            columns=(last - begun) // self._step + 1,
            series=series,
            samples=samples,
        )

    def catch_up(self, state: QueryState, end: int) -> QueryState:
        """Return a state, which is used up, as it would be had it been in force until `end`.

        Raises
        ------
        QueryError
            Prometheus has no answer.
        Stopped
            It was told to end.
        """
        for batch in self._batches(state.until + self._step, end, len(state.keys)):
            state = self._walk(state, batch, _nobody_looks)
        return state

    def _length(self, series: int) -> int:
        """Return how many milliseconds of history there are to be."""
        most = MOST_SAMPLES // max(1, series) * self._step
        return max(min(self._history, most), self._lookback) // self._step * self._step

    def _incidents(self, now: int) -> tuple[Incident, ...]:
        now = now // self._step * self._step
        starts, ends = (
            self._source.fetch(
                question(gauge, self._query.name), now, now, self._step, self._query.timeout
            )
            for gauge in (START, END)
        )
        return incidents_of(starts, ends, now)

    def _batches(self, start: int, end: int, series: int) -> Iterator[SeriesBatch]:
        query = self._query
        slices = Slices(
            query.name,
            query.expr,
            self._step,
            query.timeout,
            self._source,
            self._clock,
            "refitting the model",
        )
        while start <= end:
            self._check()
            last, batch = slices.fetch(start, end, series)
            yield batch
            start = last + self._step

    def _walk(
        self, state: QueryState, batch: SeriesBatch, see: Callable[[Evaluation], object]
    ) -> QueryState:
        """Advance a state, which is used up, over a batch in pieces that bound the memory."""
        batch, _ = within_limit(batch, set(state.keys), self._query.max_series)
        width = max(1, CELLS // max(1, len(batch.keys)))
        conditions = self._at_present()
        for start in range(0, len(batch.times), width):
            self._check()
            piece = batch.columns(start, start + width)
            parts = evaluate_under(self._plan, state, piece, conditions, owned=True)
            for learned, evaluation in parts:
                state = learned
                see(evaluation)
        return state

    def _check(self) -> None:
        if self._is_stopped():
            raise Stopped("the refit was told to end")


def _nobody_looks(_: Evaluation) -> None:
    pass
