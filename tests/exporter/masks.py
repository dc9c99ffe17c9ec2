"""Masks to try things with."""

from collections.abc import Mapping

import numpy as np

from exporter.conditions import Conditions
from exporter.core.masks import Mask, Masks
from exporter.core.spans import Spans


def mask(*spans: tuple[int, int], rows: str = "", mutes: bool = False) -> Mask:
    """Return a mask over [start, end) of the series whose label `row` is in a string; "" is all."""

    def told(start: int, end: int) -> Spans:
        return np.array(spans, dtype=np.int64).reshape(-1, 2)

    def concerns(labels: Mapping[str, str]) -> bool:
        return not rows or labels.get("row", "?") in rows

    return Mask(told, concerns, mutes)


def under(*masks: Mask) -> Conditions:
    return Conditions(masks=Masks(masks))
