"""What did a series do, in one line of text?"""

import math
from collections.abc import Sequence
from statistics import median

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 24
GAP = " "


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """Return at most `width` blocks, lowest to highest, with a space where there is no sample.

    A block stands for several samples and shows the one that is farthest from the usual, since a
    mean would hide the very spike that the message is about. Empty without a finite sample.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    usual, lowest, highest = median(finite), min(finite), max(finite)
    columns = min(width, len(values))
    line = ""
    for column in range(columns):
        start, end = column * len(values) // columns, (column + 1) * len(values) // columns
        mine = [value for value in values[start:end] if math.isfinite(value)]
        if not mine:
            line += GAP
            continue
        shown = max(mine, key=lambda value: abs(value - usual))
        # Halves, so that no difference of two large numbers overflows.
        share = (shown / 2 - lowest / 2) / (highest / 2 - lowest / 2) if highest > lowest else 0.0
        line += BLOCKS[min(int(share * len(BLOCKS)), len(BLOCKS) - 1)]
    return line
