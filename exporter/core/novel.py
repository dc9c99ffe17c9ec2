"""How far is a sample from everything that the series has shown before?

Two maps of what was seen: of values, and of contexts (the mean of the last two and of the last
eight samples). A map is a grid of cells, marked once something fell into them; the grid grows with
the range, by doubling its cells. Each map has two generations, of which the older one is forgotten
when the younger is full of days. Distances are in units of the range that the values have had.

One row of `register` holds a series' scalars, at the places named below.
"""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.series import Floats

CELLS: Final = 256
"""Cells of the map of values."""

SIDE: Final = 128
"""Cells of the map of contexts, each way."""

HUGE: Final = 1e150
"""Values beyond are taken for infinite, which is out of every range: nothing is said of them."""

CONSTANT: Final = 10_000.0
"""Samples without any change after which a change is half as new as it can be."""

UNSETTLED: Final = 200.0
"""Samples after which novelty counts half: nearly all is new to a short past."""

SHORT: Final = 2
LONG: Final = 8
"""Samples in the two means of a context."""

(
    LOWEST,
    HIGHEST,
    SEEN,
    AGE,
    VALUE_CELL,
    VALUE_BASE,
    CONTEXT_CELL,
    CONTEXT_BASE,
) = range(8)
RECENT: Final = CONTEXT_BASE + 1
"""The last `LONG` samples begin here."""
REGISTERS: Final = RECENT + LONG


def fresh_novelty(series: int) -> State:
    """Return the state of series of which nothing was seen."""
    return {
        "line": np.zeros((series, 2, CELLS), dtype=np.uint8),
        "area": np.zeros((series, 2, SIDE, SIDE // 8), dtype=np.uint8),
        "seen": np.zeros((series, REGISTERS)),
    }


@compiled
def _grid(low: float, high: float, cells: int) -> tuple[float, float]:
    """Return width and first number of cells, a power of two wide, that hold a range loosely."""
    span = high - low
    scale = max(abs(low), abs(high))
    if not span > 1e-12 * scale:
        span = max(1e-12 * scale, 1e-300)
    width = 2.0 ** np.ceil(np.log2(2.0 * span / cells))
    middle = np.floor(0.5 * (low + high) / width)
    return width, middle - cells // 2


@compiled
def _grow_line(line: Floats, width: float, base: float, new_width: float, new_base: float) -> None:
    """Bring the marks of both generations into another grid, in place."""
    cells = line.shape[1]
    marks = line.copy()
    line[:] = 0
    for age in range(2):
        for k in range(cells):
            if marks[age, k]:
                place = int(np.floor((base + k + 0.5) * width / new_width) - new_base)
                if 0 <= place < cells:
                    line[age, place] = 1


@compiled
def _grow_map(area: Floats, width: float, base: float, new_width: float, new_base: float) -> None:
    """Likewise for contexts; `area` [2, SIDE, SIDE / 8] holds bits."""
    marks = area.copy()
    area[:] = 0
    for age in range(2):
        for i in range(SIDE):
            row = int(np.floor((base + i + 0.5) * width / new_width) - new_base)
            if row < 0 or row >= SIDE:
                continue
            for byte in range(SIDE // 8):
                bits = marks[age, i, byte]
                if bits == 0:
                    continue
                for bit in range(8):
                    if bits >> bit & 1:
                        k = byte * 8 + bit
                        place = int(np.floor((base + k + 0.5) * width / new_width) - new_base)
                        if 0 <= place < SIDE:
                            area[age, row, place >> 3] |= np.uint8(1 << (place & 7))


@compiled
def _to_line(line: Floats, place: int) -> int:
    """Return how many cells the nearest mark is away; as many as there are, without any."""
    cells: int = line.shape[1]
    for away in range(cells):
        if place - away >= 0 and (line[0, place - away] or line[1, place - away]):
            return away
        if place + away < cells and (line[0, place + away] or line[1, place + away]):
            return away
    return cells


@compiled
def _is_marked(area: Floats, i: int, j: int) -> bool:
    if i < 0 or j < 0 or i >= SIDE or j >= SIDE:
        return False
    both = area[0, i, j >> 3] | area[1, i, j >> 3]
    return bool(both >> (j & 7) & 1)


@compiled
def _to_area(area: Floats, i: int, j: int) -> int:
    """Return the distance, in cells along both ways together, to the nearest mark."""
    for away in range(2 * SIDE):
        for part in range(away + 1):
            rest = away - part
            if (
                _is_marked(area, i + part, j + rest)
                or _is_marked(area, i + part, j - rest)
                or _is_marked(area, i - part, j + rest)
                or _is_marked(area, i - part, j - rest)
            ):
                return away
    return 2 * SIDE


@compiled
def _recent(own: Floats, now: float) -> tuple[float, float]:
    """Remember a sample; return the means of the last few and of the last some more."""
    count = int(own[SEEN])
    own[RECENT + count % LONG] = now
    own[SEEN] += 1.0
    held = min(count + 1, LONG)
    short = 0.0
    long = 0.0
    for back in range(held):
        sample = own[RECENT + (count - back) % LONG]
        if back < SHORT:
            short += sample / min(held, SHORT)
        long += sample / held
    return short, long


@compiled
def _first(own: Floats, now: float) -> None:
    """Lay the grids around the first sample."""
    own[LOWEST] = now
    own[HIGHEST] = now
    own[VALUE_CELL], own[VALUE_BASE] = _grid(now, now, CELLS)
    own[CONTEXT_CELL], own[CONTEXT_BASE] = _grid(now, now, SIDE)


@compiled
def _cell(value: float, width: float, base: float, cells: int) -> int:
    """Return the cell of a value, one beyond the ends if it is outside."""
    return int(min(max(np.floor(value / width) - base, -1.0), float(cells)))


@compiled
def _place_value(own: Floats, line: Floats, now: float) -> int:
    """Return the cell of a value, in a grid that is wide enough for it."""
    place = _cell(now, own[VALUE_CELL], own[VALUE_BASE], CELLS)
    if place < 0 or place >= CELLS:
        width, base = _grid(min(own[LOWEST], now), max(own[HIGHEST], now), CELLS)
        _grow_line(line, own[VALUE_CELL], own[VALUE_BASE], width, base)
        own[VALUE_CELL] = width
        own[VALUE_BASE] = base
        place = _cell(now, width, base, CELLS)
    return min(max(place, 0), CELLS - 1)


@compiled
def _place_context(
    own: Floats, area: Floats, now: float, context: tuple[float, float]
) -> tuple[int, int]:
    """Return the two cells of a context, likewise."""
    i = _cell(context[0], own[CONTEXT_CELL], own[CONTEXT_BASE], SIDE)
    j = _cell(context[1], own[CONTEXT_CELL], own[CONTEXT_BASE], SIDE)
    if min(i, j) < 0 or max(i, j) >= SIDE:
        width, base = _grid(min(own[LOWEST], now), max(own[HIGHEST], now), SIDE)
        _grow_map(area, own[CONTEXT_CELL], own[CONTEXT_BASE], width, base)
        own[CONTEXT_CELL] = width
        own[CONTEXT_BASE] = base
        i = _cell(context[0], width, base, SIDE)
        j = _cell(context[1], width, base, SIDE)
    return min(max(i, 0), SIDE - 1), min(max(j, 0), SIDE - 1)


@compiled
def _distances(own: Floats, value: float, context: float, now: float) -> tuple[float, float]:
    """Return the distances of value and context in ranges, from those in the series' unit."""
    count = own[SEEN] - 1.0
    trust = count / (count + UNSETTLED)
    span = own[HIGHEST] - own[LOWEST]
    if span > 0.0:
        return trust * value / span, trust * context / span
    # It never changed: the longer it did not, the newer is a change.
    new = count / (count + CONSTANT) if now != own[LOWEST] else 0.0
    return new, new


@compiled
def novelty(
    values: Floats,
    least: int,
    lifetime: int,
    relaxation: float,
    line: Floats,
    area: Floats,
    register: Floats,
    out: Floats,
) -> None:
    """Measure the novelty of every sample and remember it; the state in place.

    values : [S, T]
    least : samples until the first score
    lifetime : samples until a generation ends
    relaxation : share of the way that the ends of the range go towards each sample
    line : uint8 [S, 2, CELLS]
    area : uint8 [S, 2, SIDE, SIDE / 8]
    register : [S, REGISTERS]
    out : [2, S, T], distance of the value and of the context, in ranges
    """
    for row in range(values.shape[0]):
        own = register[row]
        for column in range(values.shape[1]):
            now = values[row, column]
            if not abs(now) < HUGE:
                continue
            if own[SEEN] == 0.0:
                _first(own, now)
            context = _recent(own, now)
            k = _place_value(own, line[row], now)
            i, j = _place_context(own, area[row], now, context)
            if own[SEEN] > least:
                value = _to_line(line[row], k) * own[VALUE_CELL]
                course = 0.5 * _to_area(area[row], i, j) * own[CONTEXT_CELL]
                out[0, row, column], out[1, row, column] = _distances(own, value, course, now)
            line[row, 0, k] = 1
            area[row, 0, i, j >> 3] |= np.uint8(1 << (j & 7))
            own[LOWEST] = min(own[LOWEST] + relaxation * (now - own[LOWEST]), now)
            own[HIGHEST] = max(own[HIGHEST] + relaxation * (now - own[HIGHEST]), now)
            own[AGE] += 1.0
            if own[AGE] >= lifetime:
                own[AGE] = 0.0
                line[row, 1] = line[row, 0]
                line[row, 0] = 0
                area[row, 1] = area[row, 0]
                area[row, 0] = 0
