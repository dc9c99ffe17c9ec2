"""How do past scores get into Prometheus? As OpenMetrics text that promtool backfills."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from exporter.adapters.labeltext import labels_of
from exporter.core.published import GAUGES, SIGNALS
from exporter.core.series import Floats, Keys, SeriesBatch


def write_history(
    queries: Sequence[tuple[str, SeriesBatch, Mapping[str, Floats]]],
    start: int,
    labels: Mapping[str, str],
) -> Iterator[str]:
    """Yield an OpenMetrics page with timestamps, series by series.

    Parameters
    ----------
    queries : query name, its batch, and gauge name -> float64 [S, T]; NaN is left out
    start : unix milliseconds of the first sample to write
    labels : set on series that do not have them, as a scrape with `honor_labels` does

    References
    ----------
    OpenMetrics 1.0, https://prometheus.io/docs/specs/om/open_metrics_spec/
    """
    for name, text in {**GAUGES, **SIGNALS}.items():
        having = [entry for entry in queries if name in entry[2]]
        if name in SIGNALS and not having:
            continue
        yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"
        for query, batch, gauges in having:
            texts = labels_of(query, _with(batch.keys, labels))
            for rendered, values in zip(texts, gauges[name], strict=True):
                prefix = name + rendered.decode()
                there = np.flatnonzero(~np.isnan(values) & (batch.times >= start))
                seconds = (batch.times[there] / 1000).tolist()
                yield "".join(
                    f"{prefix}{value!r} {time:.3f}\n"
                    for value, time in zip(values[there].tolist(), seconds, strict=True)
                )
    yield "# EOF\n"


def _with(keys: Keys, labels: Mapping[str, str]) -> Keys:
    return tuple(
        msgspec.json.encode({**labels, **msgspec.json.decode(key, type=dict[str, str])})
        for key in keys
    )
