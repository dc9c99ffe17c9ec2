"""What is usual in each slot of a cycle, and how far can that be relied on?

A cycle (a day, a week) is cut into slots. Each series has a profile: the usual distance from its
first sample, slot by slot. What is learned of a visit of a slot is what it has in common with the
visit before: the median of both errors and zero. So an incident of one day teaches nothing, and
what comes back the next day is learned; neither needs to know how large noise is.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.series import Floats, Ints

Singles = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

ORIGIN: Final = 0
"""The first sample; profiles are relative to it, so that float32 resolves them."""
LEVEL, LEVELS, SCALE = 1, 2, 3  # the rest after the profile; samples in it; mean distance from it
SUM, KNOWN = 4, 5  # of the profile's visited slots
SLOT, MISS, HERE = 6, 7, 8  # the slot being visited; sum of its errors; samples in it
XY, XX, TESTED = 9, 10, 11  # moments of what came (y) on what was foretold (x); share of horizon
FIELDS: Final = 12

LARGEST: Final = 1e30
"""Samples farther than this from the first one are cut there: float32 holds no more."""

FORGET: Final = 0.25
"""Share of the latest visit in a profile, once there were four."""

DOUBTED, TRUSTED = 0.2, 0.8
"""Regression weights up to the first count as no season, from the second as a full one."""

PROOF: Final = 0.25
"""Share of the horizon for which a season must have foretold before it is fully believed."""

WINSOR: Final = 2.0
"""A sample counts at most as so many times what was foretold: an incident is no season."""

CLIP: Final = 4.0
"""A sample moves the level at most as one so many mean distances away."""


def fresh_profile(series: int, slots: int) -> State:
    """Return the profiles of series that nothing is known of.

    `profile`, `before` (errors of the last visits): float32 [S, slots]; `visits`: uint8 [S, slots];
    `moments`: float64 [S, FIELDS].
    """
    return {
        "profile": np.zeros((series, slots), dtype=np.float32),
        "before": np.full((series, slots), np.nan, dtype=np.float32),
        "visits": np.zeros((series, slots), dtype=np.uint8),
        "moments": fresh_moments(series),
    }


def fresh_moments(series: int) -> Floats:
    """Return moments [S, FIELDS] of nothing."""
    moments = np.zeros((series, FIELDS))
    moments[:, ORIGIN] = np.nan
    moments[:, SLOT] = -1.0
    return moments


@compiled
def read(profile: Singles, visits: Bytes, slot: int, place: float, stride: int) -> Any:
    """Return a profile between the middles of two slots, and half its change from slot to slot."""
    size = len(profile)
    here = float(profile[slot])
    left = here
    right = here
    if visits[(slot - stride) % size] > 0:
        left = float(profile[(slot - stride) % size])
    if visits[(slot + stride) % size] > 0:
        right = float(profile[(slot + stride) % size])
    toward = right if place > 0.0 else left
    return here + abs(place) * (toward - here), 0.5 * max(abs(here - left), abs(right - here))


@compiled
def close_visit(moments: Floats, profile: Singles, before: Singles, visits: Bytes) -> None:
    """Learn the mean error of the visit that is over."""
    if moments[HERE] == 0.0:
        return
    slot = int(moments[SLOT])
    error = moments[MISS] / moments[HERE]
    moments[MISS] = 0.0
    moments[HERE] = 0.0
    last = float(profile[slot])
    if visits[slot] == 0:
        profile[slot] = error
        moments[KNOWN] += 1.0
    else:
        agreed = 0.0  # nothing to compare with at the second visit, nor with errors of both signs
        if before[slot] > 0.0 and error > 0.0:
            agreed = min(float(before[slot]), error)
        elif before[slot] < 0.0 and error < 0.0:
            agreed = max(float(before[slot]), error)
        change = agreed * max(1.0 / visits[slot], FORGET)
        profile[slot] += change
        before[slot] = error - change
    if visits[slot] < 255:
        visits[slot] += 1
    moments[SUM] += float(profile[slot]) - last


@compiled
def weight_of(moments: Floats) -> float:
    """Return how far the season is believed, 0 to 1."""
    if moments[XX] <= 0.0:
        return 0.0
    share = (float(moments[XY] / moments[XX]) - DOUBTED) / (TRUSTED - DOUBTED)
    share = min(1.0, max(0.0, share))
    return share * min(1.0, float(moments[TESTED]) / PROOF)


@compiled
def tally(moments: Floats, came: float, foretold: float, rate: float) -> None:
    """Count how well a season foretold a sample; both are distances from the level."""
    square = foretold * foretold
    product = min(max(came * foretold, -WINSOR * square), WINSOR * square)
    moments[XY] += rate * (product - moments[XY])
    moments[XX] += rate * (square - moments[XX])
    moments[TESTED] += rate * (1.0 - moments[TESTED])


@compiled
def track(moments: Floats, now: float, per_cycle: float) -> None:
    """Let the level follow `now`, a sample without its season, slowly and robustly."""
    moments[LEVELS] += 1.0
    gap = now - moments[LEVEL]
    rate = 1.0 / min(moments[LEVELS], per_cycle)
    step = min(max(gap, -CLIP * moments[SCALE]), CLIP * moments[SCALE])
    if moments[LEVELS] == 1.0:
        step = gap
        moments[SCALE] = abs(gap)
    moments[LEVEL] += rate * step
    quick = max(rate, min(0.1, 4.0 / per_cycle))
    moments[SCALE] += quick * (abs(gap) - moments[SCALE])


@compiled
def follow(
    values: Floats,
    slots: Ints,
    places: Floats,
    stride: int,
    per_cycle: float,
    horizon: float,
    profile: Singles,
    before: Singles,
    visits: Bytes,
    moments: Floats,
    season: Floats,
    rough: Floats,
    rest: Floats,
) -> None:
    """Foretell the season of every sample from those before it, and learn from it.

    Parameters
    ----------
    values : float64 [S, T]; anything but finite is no sample
    slots : int64 [T], the slot of each column
    places : float64 [T], where in the slot, -0.5 to 0.5; 0 is its middle
    stride : slots from one sample to the next, at least 1
    per_cycle : samples in a cycle, the time constant of the level
    horizon : samples over which the season proves itself
    profile, before, visits, moments : state, written to
    season : float64 [S, T], written to: the offset from the level
    rough : float64 [S, T], written to: half the change of the season from slot to slot
    rest : float64 [S, T], written to: samples without the season, NaN until it could prove itself
    """
    rate = 1.0 / max(10.0, horizon)
    for i in range(values.shape[0]):
        own = moments[i]
        for t in range(values.shape[1]):
            slot = slots[t]
            if slot != own[SLOT]:
                close_visit(own, profile[i], before[i], visits[i])
                own[SLOT] = slot
            is_known = visits[i, slot] > 0
            here = 0.0
            weight = 0.0
            foretold = 0.0
            season[i, t] = 0.0
            rough[i, t] = 0.0
            if is_known:
                here, doubt = read(profile[i], visits[i], slot, places[t], stride)
                foretold = here - own[SUM] / own[KNOWN]
                weight = weight_of(own)
                season[i, t] = weight * foretold
                rough[i, t] = weight * doubt
            rest[i, t] = np.nan
            if not np.isfinite(values[i, t]):
                continue
            if np.isnan(own[ORIGIN]):
                own[ORIGIN] = values[i, t]
            now = min(max(values[i, t] - own[ORIGIN], -LARGEST), LARGEST)
            if is_known:
                track(own, now - here, per_cycle)
                came = now - here - own[LEVEL] + foretold
                tally(own, came, foretold, rate)
                if own[TESTED] >= PROOF:
                    rest[i, t] = values[i, t] - season[i, t]
            own[MISS] += now - here - own[LEVEL]
            own[HERE] += 1.0
