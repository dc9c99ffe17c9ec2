"""Where do the few round ticks of a chart stand, and what is written beside them?"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from webhook.core.present import DAY, HOUR, MINUTE, amount

Tick = tuple[float, str]

_CLOCK_STEPS = (
    *(MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(HOUR * count for count in (1, 2, 3, 6, 12)),
    *(DAY * count for count in (1, 2, 7, 14, 28)),
)
_SPANS = (*(1.0, 2.0, 5.0, 10.0, 20.0, 30.0), *_CLOCK_STEPS)
# From here on neither k, M nor Ki help anybody.
_HUGE = 1e18
# What is beyond is shown at the edge: a round number above the largest one is infinite.
_MOST = 8e307


def padded(low: float, high: float) -> tuple[float, float]:
    """Return a range with some air; around a constant, some range at all."""
    magnitude = max(abs(low), abs(high))
    # Halves, so that no difference of two large numbers overflows.
    half = high / 2 - low / 2
    if half <= 1e-9 * magnitude or magnitude < 1e-300:
        air = magnitude * 0.05 or 1.0
    else:
        air = half * 0.12
    return max(low - air, -_MOST), min(high + air, _MOST)


def share(value: float, low: float, high: float) -> float:
    """Return how far between two limits a value is, from 0 to 1; infinite ones are at a limit."""
    if not math.isfinite(value):
        return 1.0 if value > 0 else 0.0
    return min(max((value / 2 - low / 2) / (high / 2 - low / 2), 0.0), 1.0)


def value_ticks(low: float, high: float, unit: str, most: int) -> list[Tick]:
    """Return round values from `low` to `high` with their text, at most about so many."""
    step = _round_step((high / 2 - low / 2) / most * 2, unit)
    first, last = math.ceil(low / step), math.floor(high / step)
    if not 0 <= last - first <= 4 * most:
        return []
    values = [step * number for number in range(first, last + 1)]
    texts = [amount(value, unit) if abs(value) < _HUGE else f"{value:.3g}" for value in values]
    if len(set(texts)) < len(texts):
        texts = [f"{value:.12g}" for value in values]
    return list(zip(values, texts, strict=True))


def _round_step(least: float, unit: str) -> float:
    """Return the smallest round distance that is not below `least`."""
    if unit == "bytes" and least >= 1:
        return float(2.0 ** math.ceil(math.log2(least)))
    if unit == "seconds" and least >= 1:
        fitting = [span for span in _SPANS if span >= least]
        if fitting:
            return fitting[0]
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * 0.999)


def time_ticks(start: float, end: float, zone: str, most: int) -> list[Tick]:
    """Return round times of a zone's clock, at most so many; where a day begins, its date.

    Parameters
    ----------
    start, end : unix seconds
    """
    for step in _CLOCK_STEPS:
        ticks = _wall_times(start, end, zone, step)
        if len(ticks) <= most:
            return [(at, _clock_text(at, zone, step)) for at in ticks]
    return []


def _wall_times(start: float, end: float, zone: str, step: float) -> Sequence[float]:
    clock = ZoneInfo(zone)
    if (end - start) / step > 1_000:
        return range(1_001)
    offset = datetime.fromtimestamp(start, clock).utcoffset()
    shift = 0.0 if offset is None else offset.total_seconds()
    times: list[float] = []
    # A day more on either side: the offset may change on the way.
    wall = math.floor((start + shift) / step) * step
    while wall <= end + shift + HOUR * 2:
        at = datetime.fromtimestamp(wall, UTC).replace(tzinfo=clock).timestamp()
        if start <= at <= end and (not times or at > times[-1]):
            times.append(at)
        wall += step
    return times


def _clock_text(at: float, zone: str, step: float) -> str:
    then = datetime.fromtimestamp(at, ZoneInfo(zone))
    if step >= DAY or (then.hour, then.minute) == (0, 0):
        return f"{then.day} {then:%b}"
    return f"{then:%H:%M}"
