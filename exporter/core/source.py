"""Where do batches come from? Anything that answers range queries."""

from typing import Protocol

from exporter.core.series import SeriesBatch


class Source(Protocol):
    """A Prometheus, or what stands in for one."""

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        """Evaluate an expression at every column from `start` to `end`.

        Parameters
        ----------
        expr : PromQL
        start, end : unix milliseconds of the first and the last column, multiples of `step`
        step : milliseconds
        timeout : seconds for everything

        Raises
        ------
        QueryError
            There is no usable answer.
        """
        ...
