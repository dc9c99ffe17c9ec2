"""Which prediction belongs to which truth?"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exporter.core.series import Floats, Ints, Keys, SeriesBatch
from exporter.errors import ModelError

_Match = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Predictions and what came true of them.

    Parameters
    ----------
    times : int64 [T], unix milliseconds, when was predicted
    scores : float64 [S, T]; NaN where nothing was
    truths : float64 [S, T], 0 or 1; NaN where nobody knows
    odd : how many truths were neither, and are left out
    """

    times: Ints
    scores: Floats
    truths: Floats
    odd: int = 0


def pairs_of(predictions: SeriesBatch, labels: SeriesBatch, on: Sequence[str] | None) -> Pairs:
    """Return each prediction with its truth; several predictions may share one.

    predictions, labels : of the same number of columns, which belong together
    on : labels of a series by which they find each other; None is all but the metric's name

    Raises
    ------
    ModelError
        A prediction has two truths at once.
    """
    row_of: dict[_Match, int] = {}
    rows = [row_of.setdefault(match, len(row_of)) for match in _matches(labels.keys, on)]
    known = np.full((len(row_of) + 1, len(labels.times)), np.nan)  # the last row is nobody's
    for source, row in enumerate(rows):
        values = labels.values[source]
        is_known = ~np.isnan(values)
        if (is_known & ~np.isnan(known[row])).any():
            shown = labels.keys[source][:200].decode(errors="replace")
            raise ModelError(
                "ambiguous",
                f"there are two truths at once for the same predictions, one of them {shown}; name "
                "in `on` labels that tell them apart, or aggregate in the expression of `label`",
            )
        known[row, is_known] = values[is_known]
    nobody = len(row_of)
    wanted = [row_of.get(match, nobody) for match in _matches(predictions.keys, on)]
    truths = known[np.array(wanted, dtype=np.int64)]
    scores = np.where(np.isfinite(predictions.values), predictions.values, np.nan)
    is_odd = ~np.isnan(truths) & (truths != 0) & (truths != 1)
    odd = int(np.count_nonzero(is_odd & ~np.isnan(scores)))
    return Pairs(predictions.times, scores, np.where(is_odd, np.nan, truths), odd)


def _matches(keys: Keys, on: Sequence[str] | None) -> list[_Match]:
    """Return what each series is found by."""
    matches: list[_Match] = []
    for key in keys:
        labels: dict[str, str] = json.loads(key.decode(errors="replace"), strict=False)
        labels.pop("__name__", None)
        if on is None:
            matches.append(tuple(sorted(labels.items())))
        else:
            matches.append(tuple((name, labels.get(name, "")) for name in on))
    return matches
