"""How rare is an error of that size, if those of the training are a guide?"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from exporter.core.scores import DECADES
from exporter.core.series import Floats

TAIL_INDEX: Final = 4.5
"""Beyond the last quantile the probability falls with this power of the error. It is between the
heaviest tails that metrics show (3) and the normal law, whose local power there is about 15; a
series with a heavier tail is found out by its own errors."""

CELLS: Final = 4096
"""Of the table that scores are looked up in."""


class ErrorTail:
    """Scores of errors: -log10 of the tail probability, in units of full confidence.

    Parameters
    ----------
    probabilities : K of them in (0, 1), descending
    quantiles : K errors that are exceeded with these probabilities, ascending

    Raises
    ------
    ValueError
        These are no quantiles.
    """

    def __init__(self, probabilities: Sequence[float], quantiles: Sequence[float]) -> None:
        chances, sizes = np.array(probabilities), np.array(quantiles)
        if len(chances) != len(sizes):
            raise ValueError(
                f"found {len(chances)} probabilities and {len(sizes)} quantiles; they are pairs"
            )
        is_falling = (np.diff(chances) < 0).all() and chances[0] < 1 and chances[-1] > 10**-DECADES
        if not is_falling or not (np.diff(sizes) >= 0).all():
            raise ValueError("probabilities have to fall from below 1, quantiles to rise")
        scores = -np.log10(chances) / DECADES
        self.end = float(sizes[-1] * 10 ** ((1 - scores[-1]) * DECADES / TAIL_INDEX))
        """The error of full confidence."""
        grid = np.linspace(0.0, self.end, CELLS)
        knots = np.log(np.append(sizes, self.end))
        logs = np.log(np.maximum(grid, 1e-300))
        self.scores: Floats = np.interp(logs, knots, np.append(scores, 1.0))
        """Float64 [CELLS], of the errors 0 to `end` in equal steps."""
        self.scores[grid < sizes[0]] = scores[0] * grid[grid < sizes[0]] / sizes[0]

    def error_at(self, score: float) -> float:
        """Return the smallest error of a score."""
        return float(np.interp(score, self.scores, np.linspace(0.0, self.end, CELLS)))
