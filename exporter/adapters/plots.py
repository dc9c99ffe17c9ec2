"""What did each series do, and what did we make of it? One picture per query."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from exporter.backtest import Incident
from exporter.pipeline import Evaluation

MAX_SERIES = 6
_DAY = 86_400


def plot_query(
    path: Path, query: str, evaluation: Evaluation, threshold: float, incidents: Sequence[Incident]
) -> None:
    """Draw value, band and score of a query's most anomalous series, incidents shaded.

    Raises
    ------
    ImportError
        matplotlib is not installed; it comes with the extra `plots`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    batch, scores = evaluation.batch, evaluation.verdict.scores
    times = batch.times / (1000 * _DAY)  # matplotlib counts days since 1970
    rows = np.argsort(-evaluation.verdict.is_anomaly.sum(1), kind="stable")[:MAX_SERIES]
    figure = Figure(figsize=(14, 3.6 * max(1, len(rows))), layout="constrained")
    FigureCanvasAgg(figure)
    for position, row in enumerate(rows):
        axes = figure.add_subplot(max(1, len(rows)), 1, position + 1)
        axes.fill_between(
            times, scores.lower[row], scores.upper[row], alpha=0.2, color="tab:green", label="band"
        )
        axes.plot(times, batch.values[row], lw=0.8, color="black", label="value")
        is_anomaly = evaluation.verdict.is_anomaly[row]
        axes.plot(
            times[is_anomaly],
            batch.values[row, is_anomaly],
            ".",
            color="tab:red",
            label=f"score >= {threshold:g}",
        )
        for incident in incidents:
            axes.axvspan(
                incident.start / _DAY,
                incident.end / _DAY,
                color="tab:orange",
                alpha=0.2,
            )
        labels = msgspec.json.decode(batch.keys[row], type=dict[str, str])
        axes.set_title(f"{query} {labels}", fontsize=9, loc="left")
        axes.legend(loc="upper left", fontsize=8)
        axes.xaxis_date()
    figure.savefig(path, dpi=90)
