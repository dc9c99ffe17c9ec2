"""What does the share of changes found look like, the larger they are?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.drift.followed import VOTE
from benchmarks.drift.tables import ALL, NAMES, Detected

UNITS: Final = {
    "level": "level, robust deviations",
    "scale": "scale, times",
    "modes": "two modes apart, deviations",
    "ramp": "ramp, robust deviations after 7 days",
}


def draw(path: Path, rows: Sequence[Detected]) -> None:
    """Draw a panel per kind of change and a line per choice, found within seven days by the vote.

    Raises
    ------
    ImportError
        matplotlib is not installed; it comes with the extra `plots`.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.2), layout="constrained")
    FigureCanvasSVG(figure)
    panels = figure.subplots(1, len(UNITS), sharey=True)
    mine = [row for row in rows if (row.dataset, row.by, row.severity) == (ALL, VOTE, NAMES[0])]
    for panel, (kind, unit) in zip(panels, UNITS.items(), strict=True):
        for choice in dict.fromkeys(row.choice for row in mine):
            line = [row for row in mine if (row.choice, row.kind) == (choice, kind)]
            if line and choice != "groups":
                sizes, shares = [row.size for row in line], [100 * row.week for row in line]
                panel.plot(sizes, shares, marker="o", markersize=4, label=choice, clip_on=False)
        panel.set_xlabel(unit)
        panel.set_ylim(0, 100)
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("% found within 7 days")
    lines, names = panels[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=len(names), frameon=False)
    # Letters as letters, and nothing that differs from run to run.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "drift"}):
        figure.savefig(path, metadata={"Date": None})
