"""Where did forecasts say that series would go, and where did they? One picture per query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exporter.core.series import Floats

_DAY = 86_400


@dataclass(frozen=True, eq=False)
class Lead:
    """What was forecast so far ahead, drawn where it belongs; unix seconds, float64 [T]."""

    times: Floats
    value: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True, eq=False)
class Course:
    """What to draw of one series.

    Parameters
    ----------
    title : in words
    times, values : float64 [T], unix seconds and samples
    leads : horizon, such as 6h -> what was forecast
    limit : unix seconds and the limit in force then; None for none
    predictions : of a breach: when each was first made, and for when
    """

    title: str
    times: Floats
    values: Floats
    leads: Mapping[str, Lead]
    limit: tuple[Floats, Floats] | None
    predictions: Sequence[tuple[float, float]]


def plot_forecasts(path: Path, courses: Sequence[Course]) -> None:
    """Draw each series with what had been forecast of it.

    Raises
    ------
    ImportError
        matplotlib is not installed; it comes with the extra `plots`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 3.6 * max(1, len(courses))), layout="constrained")
    FigureCanvasAgg(figure)
    for position, course in enumerate(courses):
        axes = figure.add_subplot(len(courses), 1, position + 1)
        colours = [f"C{place}" for place in range(len(course.leads))]
        for colour, (name, lead) in zip(colours, course.leads.items(), strict=True):
            when = lead.times / _DAY  # matplotlib counts days since 1970
            axes.fill_between(when, lead.lower, lead.upper, alpha=0.15, color=colour)
            axes.plot(when, lead.value, lw=1.0, color=colour, label=f"forecast {name} before")
        axes.plot(course.times / _DAY, course.values, lw=0.9, color="black", label="value")
        if course.limit is not None:
            when, limit = course.limit
            axes.plot(when / _DAY, limit, "--", lw=1.0, color="tab:red", label="limit")
        for place, (made, due) in enumerate(course.predictions):
            first = place == 0
            axes.axvline(
                made / _DAY, color="tab:red", lw=0.8, label="breach predicted" if first else None
            )
            if np.isfinite(due):
                axes.axvline(
                    due / _DAY,
                    color="tab:red",
                    lw=0.8,
                    ls=":",
                    label="for then" if first else None,
                )
        axes.set_title(course.title, fontsize=9, loc="left")
        axes.legend(loc="upper left", fontsize=8)
        axes.xaxis_date()
    figure.savefig(path, dpi=90)
