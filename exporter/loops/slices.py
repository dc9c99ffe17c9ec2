"""How is a long history asked for? Some columns at a time, as many as the other side can give."""

import hashlib
import logging
from collections.abc import Callable, Set
from typing import Final

import numpy as np

from exporter.config import MOST_COLUMNS
from exporter.core.series import SeriesBatch
from exporter.core.source import Source
from exporter.errors import QueryError

log = logging.getLogger(__name__)

SLICE: Final = 1_000_000
"""Samples to ask for at a time: 8 MB, and a second or two of work for either side."""

FEW_COLUMNS: Final = 64
"""So many are asked for at once without counting the series first."""

PROGRESS_SECONDS: Final = 10.0
"""How often a look-back says how far it has come."""


class Slices:
    """Asks for the columns of one query, slice by slice.

    Each request then has a bounded answer and a deadline of its own, and what was learned of one
    stays when a later one fails.

    Parameters
    ----------
    query : its name
    expr : PromQL, with nothing left to replace
    step : milliseconds between columns
    timeout : seconds for each slice
    source : whom to ask
    clock : seconds that never go back
    what : is done with them, as the log calls it
    """

    def __init__(
        self,
        query: str,
        expr: str,
        step: int,
        timeout: float,
        source: Source,
        clock: Callable[[], float],
        what: str = "looking back",
    ) -> None:
        self._query = query
        self._expr = expr
        self._step = step
        self._timeout = timeout
        self._source = source
        self._clock = clock
        self._what = what
        self._samples = SLICE
        self._series: int | None = None
        self._said = clock()

    def fetch(self, start: int, end: int, known: int) -> tuple[int, SeriesBatch]:
        """Return the first columns from `start` on, at most up to `end`, and which is the last.

        known : how many series there are to our knowledge

        Raises
        ------
        QueryError
            There is no answer; the next call asks for less, if that may help.
        """
        last = end
        try:
            if (end - start) // self._step >= FEW_COLUMNS:
                if self._series is None:
                    newest = self._ask(end, end)
                    self._series = len(newest.keys)
                series = max(1, self._series, known)
                columns = min(max(1, self._samples // series), MOST_COLUMNS)
                last = min(end, start + (columns - 1) * self._step)
                self._say_progress(start, end)
            batch = self._ask(start, last)
        except QueryError as error:
            if last < end or start < last:
                raise self._with_advice(error, (last - start) // self._step + 1) from error
            raise
        self._samples = min(SLICE, 2 * self._samples)
        if last == end:
            self._series = None
        return last, batch

    def _ask(self, start: int, end: int) -> SeriesBatch:
        return self._source.fetch(self._expr, start, end, self._step, self._timeout)

    def _with_advice(self, error: QueryError, columns: int) -> QueryError:
        """Return the error of a request for many columns, and ask for fewer the next time."""
        is_too_much = error.reason == "timeout" or "too many samples" in str(error)
        if not is_too_much or columns < 2:
            return error
        self._samples = max(1, self._samples // 2)
        return type(error)(
            error.reason,
            f"{error}; this was a request for {columns} columns of history, the next one is for "
            "half as many samples; if it goes on, raise the query's `timeout`, lower its "
            "`lookback` or narrow its expression",
        )

    def _say_progress(self, start: int, end: int) -> None:
        """Log how much of the history is still to come, now and then."""
        now = self._clock()
        if now - self._said >= PROGRESS_SECONDS:
            self._said = now
            log.info(
                self._what,
                extra={
                    "query": self._query,
                    "series": self._series,
                    "columns_left": (end - start) // self._step + 1,
                },
            )


def within_limit(batch: SeriesBatch, known: Set[bytes], limit: int) -> tuple[SeriesBatch, int]:
    """Keep at most `limit` series, always the same ones, and count the others.

    Those known already come first, since a newcomer that took the place of one would let it
    look as if it had vanished; the others are chosen by the hash of their labels.
    """
    excess = len(batch.keys) - limit
    if excess <= 0:
        return batch, 0
    order = sorted(
        range(len(batch.keys)),
        key=lambda row: (
            batch.keys[row] not in known,
            hashlib.blake2b(batch.keys[row], digest_size=8).digest(),
        ),
    )
    kept = np.array(sorted(order[:limit]), dtype=np.int64)
    return batch.rows(kept), excess
