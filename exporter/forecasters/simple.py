"""The simplest things to say of the future: members of `auto`, none of which goes far wrong."""

from typing import Final

import numpy as np

from exporter.core.series import Floats, Ints
from exporter.forecasters.history import History

RECENT: Final = 24
"""Samples of the present where there is no season to take."""

SEASONS: Final = 7
"""Seasons whose median is taken."""

MOST_MOVED: Final = 2.0
"""Factor by which a cycle is moved at most: after one of almost nothing it could be anything."""


def simple_paths(history: History, origins: Ints, horizon: int) -> list[Floats]:
    """Return what each simple forecast says from each origin, float64 [S, R, H] each.

    They are: the last sample; the median of the last season; the line through the two halves of
    the last horizon; the median of up to seven seasons at each time of day; the last cycle; and
    that moved half way to the present level, as a factor. NaN where one cannot tell.
    """
    shape = len(history.values), len(origins), horizon
    told = [np.full(shape, np.nan) for _ in range(6)]
    season, cycle = max(history.season, 1), max(history.cycle, 1)
    for place, origin in enumerate(origins.tolist()):
        own = history.values[:, :origin]
        length = np.maximum(origin - history.first, 0)
        told[0][:, place] = own[:, -1:]
        told[1][:, place] = median(own[:, -(season if season > 1 else RECENT) :])[:, None]
        told[2][:, place] = line(own, length, horizon)
        if season > 1 and origin >= 2 * season:
            told[3][:, place] = usual_season(own, length, season, horizon)
        if cycle > 1 and origin >= cycle + season:
            told[4][:, place], told[5][:, place] = last_cycle(own, season, cycle, horizon)
    return told


def line(own: Floats, length: Ints, horizon: int) -> Floats:
    """Return the line through the means of the last two half horizons, or of what there is."""
    most = max(horizon // 2, 2)
    recent = own[:, -2 * most :]
    half = np.where(length > 1, np.minimum(most, length // 2), np.nan)[:, None]
    age = np.arange(recent.shape[1])[::-1]
    newer = np.where(age < half, recent, 0.0).sum(1, keepdims=True) / half
    older = np.where((age >= half) & (age < 2 * half), recent, 0.0).sum(1, keepdims=True) / half
    slope = (newer - older) / half
    return np.asarray(newer + slope * (0.5 * (half + 1) + np.arange(horizon)))


def usual_season(own: Floats, length: Ints, season: int, horizon: int) -> Floats:
    """Return the median of the last seasons at each time of day; NaN below two of them."""
    seasons = min(own.shape[1] // season, SEASONS)
    ages = np.arange(seasons, 0, -1)
    each = own[:, -seasons * season :].reshape(-1, seasons, season)[:, :, :horizon]
    was_seen = (ages <= length[:, None] // season) & (length[:, None] >= 2 * season)
    usual = median(np.where(was_seen[:, None], each.swapaxes(1, 2), np.nan))
    return usual[:, np.arange(horizon) % season]


def last_cycle(own: Floats, season: int, cycle: int, horizon: int) -> tuple[Floats, Floats]:
    """Return the last cycle, and that as it would be half way to the last season's level."""
    level = own[:, -season:].mean(1, keepdims=True)
    before = own[:, -season - cycle : -cycle].mean(1, keepdims=True)
    then = own[:, own.shape[1] - cycle + np.arange(horizon) % cycle] + 0.0 * before
    grown = (level > 0.0) & (before > 0.0)
    ratio = np.divide(level, before, out=np.ones_like(level), where=grown)
    return then, then * np.clip(np.sqrt(ratio), 1.0 / MOST_MOVED, MOST_MOVED)


def median(values: Floats) -> Floats:
    """Return the median over the last axis of what is not NaN; NaN where nothing is."""
    count = (~np.isnan(values)).sum(-1, keepdims=True)
    ordered = np.sort(values, -1)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, -1)
    high = np.take_along_axis(ordered, np.maximum(count, 1) // 2, -1)
    return np.asarray(0.5 * low + 0.5 * high)[..., 0]
