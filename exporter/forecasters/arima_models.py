"""Which models does an order stand for, and which does an automatic order choose among?"""

from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from exporter.core.series import Bools, Ints
from exporter.forecasters.arima_filters import (
    AUTOREGRESSION,
    DIFFERENCE,
    LEVEL,
    MOST_COEFFICIENTS,
    MOVING_AVERAGE,
)

Wanted: TypeAlias = Literal["auto", "none", "day", "week"]
Order: TypeAlias = tuple[int, int, int]
Stage: TypeAlias = tuple[int, int, int]
"""Kind, lag, coefficients."""

GROWTH: Final = ((1, 1), (2, 1), (2, 2))
"""Orders (p, q) that an automatic order tries in turn, each from the coefficients before it."""

FEWEST: Final = 16
"""Samples that any fit asks for."""

ALWAYS: Final = 2**60


class Models(NamedTuple):
    """M models of up to K stages.

    kinds, lags : int64 [M, K]
    sizes : int64 [M, G, K], coefficients of each stage as the model grows
    stages, growths : int64 [M], how many of K and of G there are
    needs, until : int64 [M], a series with `needs` to `until` (excluded) samples may have it
    is_open : bool [M], whether a growth has to pay by the corrected Akaike criterion
    """

    kinds: Ints
    lags: Ints
    sizes: Ints
    stages: Ints
    growths: Ints
    needs: Ints
    until: Ints
    is_open: Bools


class _Model(NamedTuple):
    growth: list[list[Stage]]
    needs: int
    until: int = ALWAYS

    def before(self, samples: int) -> "_Model":
        return self._replace(until=min(self.until, samples))


def fixed_models(order: Order, seasonal: Order | None, period: int) -> Models:
    """Return the model of a given order, and what stands in until there is enough for it.

    seasonal : (P, D, Q) at `period`; without effect where that is below 2
    """
    plain = _grown(order, _levels(order[1]), [], [])
    least = FEWEST + 3 * (order[0] + order[2]) + order[1]
    if seasonal is None or period < 2:
        return _table([_Model(plain, least)], is_open=False)
    ar, d, ma = seasonal
    levels = [(DIFFERENCE, period, 1), *_levels(order[1])[: order[1]]] if d else _levels(order[1])
    ars = [(AUTOREGRESSION, period, ar)] if ar else []
    mas = [(MOVING_AVERAGE, period, ma)] if ma else []
    rest = _grown(order, levels, ars, mas)
    enough = (1 + max(1, ar + d)) * period + least
    return _table([_Model(rest, enough), _Model(plain, least, enough)], is_open=False)


def automatic_models(season: int, cycle: int, wanted: Wanted) -> Models:
    """Return the models that an automatic order chooses among.

    season, cycle : the shorter and the longer period, below 2 for none
    wanted : the period to take differences at; those of shorter ones stand in until there is enough
    """
    levels = [(LEVEL, 0, 1)], [(DIFFERENCE, 1, 1)], [(DIFFERENCE, 1, 1), (LEVEL, 0, 1)]
    plain = [_Model(_open(each, [], []), FEWEST) for each in levels]
    daily, weekly = [], []
    if season >= 2:
        by_season = [(DIFFERENCE, season, 1)]
        ar, ma = [(AUTOREGRESSION, season, 1)], [(MOVING_AVERAGE, season, 1)]
        enough = cycle + 5 * season if cycle >= 2 else ALWAYS
        daily = [_Model(_open(by_season, ar, ma), 3 * season, enough)]
        if cycle >= 2:
            both = [*ma, (MOVING_AVERAGE, cycle, 1)]
            by_both = _open(by_season, [*ar, (AUTOREGRESSION, cycle, 1)], both)
            daily.append(_Model(by_both, enough))
            weekly = [_Model(_open([(DIFFERENCE, cycle, 1)], ar, both), 2 * cycle)]
    if wanted == "none" or not daily:
        return _table(plain, is_open=True)
    if wanted == "auto":
        return _table([*plain, *daily, *weekly], is_open=True)
    if wanted == "week" and weekly:
        daily = [each.before(2 * cycle) for each in daily]
        daily += weekly
    return _table([*(each.before(3 * season) for each in plain), *daily], is_open=True)


def _levels(differences: int) -> list[Stage]:
    return [(DIFFERENCE, 1, 1)] * differences if differences else [(LEVEL, 0, 1)]


def _open(fixed: list[Stage], ars: list[Stage], mas: list[Stage]) -> list[list[Stage]]:
    return [_stages(p, q, fixed, ars, mas) for p, q in GROWTH]


def _grown(
    order: Order, fixed: list[Stage], ars: list[Stage], mas: list[Stage]
) -> list[list[Stage]]:
    p, _, q = order
    growth = [_stages(min(p, 1), min(q, 1), fixed, ars, mas), _stages(p, q, fixed, ars, mas)]
    return growth if growth[0] != growth[1] else growth[:1]


def _stages(p: int, q: int, fixed: list[Stage], ars: list[Stage], mas: list[Stage]) -> list[Stage]:
    ar = [(AUTOREGRESSION, 1, p)] if p else []
    ma = [(MOVING_AVERAGE, 1, q)] if q else []
    return [*fixed, *ars, *ar, *mas, *ma]


def _table(models: list[_Model], *, is_open: bool) -> Models:
    count = len(models)
    widest = max(len(model.growth[0]) for model in models)
    growths = max(len(model.growth) for model in models)
    kinds, lags = np.zeros((2, count, widest), dtype=np.int64)
    sizes = np.zeros((count, growths, widest), dtype=np.int64)
    for m, model in enumerate(models):
        for g, stages in enumerate(model.growth):
            for k, (kind, lag, size) in enumerate(stages):
                kinds[m, k], lags[m, k], sizes[m, g, k] = kind, lag, min(size, MOST_COEFFICIENTS)
    return Models(
        kinds,
        lags,
        sizes,
        np.array([len(model.growth[0]) for model in models]),
        np.array([len(model.growth) for model in models]),
        np.array([model.needs for model in models]),
        np.array([model.until for model in models]),
        np.full(count, is_open),
    )
