"""How are the results shown, beside what others have published?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.forecasts.files import Pair
from benchmarks.forecasts.jobs import Task
from benchmarks.forecasts.measures import Accuracy

HOURLY: Final[dict[str, Accuracy]] = {
    "published: Naive2": Accuracy(18.383, 2.395, 1.0),
    "published: seasonal naive": Accuracy(13.912, 1.193, 0.627),
    "published: Theta": Accuracy(18.138, 2.455, 1.006),
    "published: winner of the M4": Accuracy(9.328, 0.893, 0.440),
    "published: best entry on Hourly": Accuracy(8.913, 0.801, 0.410),
}
"""The M4 competition's own figures for its 414 hourly series, 48 steps ahead."""


@dataclass(frozen=True)
class Cost:
    """What the forecasts of all series took.

    Parameters
    ----------
    series : how many
    cpu : seconds, user and system
    peak : bytes
    """

    series: int
    cpu: float
    peak: int

    @property
    def microseconds_per_series(self) -> float:
        """CPU time of one series."""
        return self.cpu / self.series * 1e6


@dataclass(frozen=True)
class Line:
    """What is known of one forecaster: why it has no forecasts, or how good and dear they are."""

    accuracy: Accuracy
    cost: Cost
    error: str = ""


def published(pair: Pair, task: Task) -> dict[str, Accuracy]:
    """Return the published figures, if these are the series and the task they are of."""
    is_hourly = set(pair.names) == {f"H{number}" for number in range(1, 415)}
    return HOURLY if is_hourly and (task.season, task.horizon) == (24, 48) else {}


def table(
    lines: Mapping[str, Line], naive2: Accuracy, known: Mapping[str, Accuracy], coverage: float
) -> Iterator[str]:
    """Yield the lines of a Markdown table, ours first."""
    band = f"coverage of {coverage:.6g} | MSIS"
    yield f"| | sMAPE | MASE | OWA | {band} | CPU µs per series | MB at the peak |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, line in lines.items():
        if line.error:
            yield f"| `{name}` | no result: {line.error} | | | | | | |"
            continue
        cost = f"{line.cost.microseconds_per_series:.0f} | {line.cost.peak / 1e6:.0f}"
        yield f"| `{name}` | {_told(line.accuracy)} | {cost} |"
    yield f"| Naive2, computed here | {_told(naive2)} | | |"
    for name, accuracy in known.items():
        yield f"| {name} | {_told(accuracy)} | | |"


def _told(accuracy: Accuracy) -> str:
    one = accuracy
    figures = [one.smape, one.mase, one.owa, one.coverage, one.msis]
    return " | ".join("" if np.isnan(figure) else f"{figure:.3f}" for figure in figures)
