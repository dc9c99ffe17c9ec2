"""Which thresholds do series have now? Asked of Prometheus, for those whose ratio was moved."""

import math
from collections.abc import Mapping, Sequence

from webhook.adapters.likeness import PART
from webhook.adapters.prometheus import Prometheus
from webhook.core.links import selector

Place = tuple[str, Mapping[str, str]]
"""A query, with the labels of a series of it; none for all of its series."""

MOST_PLACES = 100


async def thresholds_in_force(
    prometheus: Prometheus, places: Sequence[Place], at: float, seconds: float
) -> dict[int, tuple[float, float]]:
    """Return the lowest and highest threshold of each place, by its position; of what is known.

    Parameters
    ----------
    places : at most `MOST_PLACES` of them are asked for
    at : unix seconds

    Raises
    ------
    PrometheusError
        Without an answer in so many `seconds`.
    """
    parts = []
    for i, (query, labels) in enumerate(places[:MOST_PLACES]):
        gauge = selector("anomaly_threshold", {**labels, "query": query})
        parts += [
            f'label_replace({how}({gauge}), "{PART}", "{how} {i}", "", "")'
            for how in ("min", "max")
        ]
    if not parts:
        return {}
    tracks = await prometheus.instant(" or ".join(parts), at, seconds)
    known = {track.labels.get(PART, ""): track.values[-1] for track in tracks}
    found: dict[int, tuple[float, float]] = {}
    for i in range(len(places)):
        low, high = known.get(f"min {i}", math.nan), known.get(f"max {i}", math.nan)
        if math.isfinite(low) and math.isfinite(high):
            found[i] = (low, high)
    return found
