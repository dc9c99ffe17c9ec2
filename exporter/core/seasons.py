"""What does a series usually do at this time of day, of the week, or of a period of its own?

A season is what repeats, as an offset around the level of the series. Up to three are learned, each
on what the one before leaves, and what they say adds up:

- the long cycle: a day of the query's wall clock, or a period that was configured; 96 slots;
- the week: for each of its 168 hours, how it differs from other days;
- a short cycle of at most 80 samples, found by autocorrelation among the last 240.

Each has a weight in [0, 1]: how well it foretold samples that it had not seen (the regression of
what came on what was foretold). So a series without seasons gets none, and no test has to say when.
Slots follow the wall clock, hence a daily pattern stays where it is when the clocks change.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from exporter.core.cycles import CHECK, follow_cycle, fresh_cycle, look_for_cycles
from exporter.core.profiles import follow, fresh_profile
from exporter.core.rows import State
from exporter.core.series import Floats, Ints, SeriesBatch

DAY: Final = 86_400_000
"""Milliseconds, as all times of batches."""

WEEK: Final = 7 * DAY

MONDAY: Final = 4 * DAY
"""When the first week began: 1970-01-01 was a Thursday."""

SLOTS: Final = 96
"""Slots of the long cycle: quarters of an hour, if it is a day."""

HOURS: Final = 168
"""Slots of the week."""

PROVING: Final = 2.0
"""Cycles over which the long cycle's weight averages; the week's averages over one week."""


@dataclass(frozen=True, kw_only=True)
class Seasons:
    """Which seasons to learn; what was learned stands in a state.

    Parameters
    ----------
    cycle : milliseconds of the long cycle, 0 for none; a day follows the wall clock, others UTC
    has_week : learn how the hours of the week differ, too
    finds_cycles : look for a short cycle
    """

    cycle: int = DAY
    has_week: bool = True
    finds_cycles: bool = True

    def fresh(self, series: int) -> State:
        """Return the state of series that nothing is known of; its names begin with `season`."""
        state: State = {}
        for part, arrays in (
            ("long", fresh_profile(series, SLOTS) if self.cycle else {}),
            ("week", fresh_profile(series, HOURS) if self.has_week else {}),
            ("short", fresh_cycle(series) if self.finds_cycles else {}),
        ):
            state.update({f"season_{part}_{name}": array for name, array in arrays.items()})
        return state

    def advance(self, state: State, batch: SeriesBatch) -> tuple[Floats, Floats]:
        """Foretell the season of every sample from those before it, and learn, in place.

        Parameters
        ----------
        state : the arrays of `fresh`, among others if need be; rows in the batch's order
        batch : float64 [S, T]; its columns follow those of the last call

        Returns
        -------
        season : float64 [S, T], offset from the level of the series, 0 where there is none; given
            where there is no sample, too
        rough : float64 [S, T], half of what the season changes from one slot to the next: so much
            of it is in doubt, since what repeats is never punctual
        """
        series, columns = batch.values.shape
        season = np.zeros((series, columns))
        rough = np.zeros((series, columns))
        rest = batch.values
        if self.cycle:
            clock = batch.wall_times if self.cycle == DAY else batch.times
            rest = self._profile(state, "long", rest, clock, batch.step, season, rough)
        if self.has_week:
            clock = batch.wall_times - MONDAY
            self._profile(state, "week", rest, clock, batch.step, season, rough)
        if self.finds_cycles:
            rest = batch.values - season
            index = batch.times // batch.step
            own = part_of(state, "short")
            for start, stop in _between_checks(index):
                follow_cycle(
                    rest[:, start:stop],
                    index[start:stop],
                    **own,
                    season=season[:, start:stop],
                    rough=rough[:, start:stop],
                )
                if (index[stop - 1] + 1) % CHECK == 0:
                    look_for_cycles(own, int(index[stop - 1]))
        return season, rough

    def _profile(
        self,
        state: State,
        part: str,
        values: Floats,
        clock: Ints,
        step: int,
        season: Floats,
        rough: Floats,
    ) -> Floats:
        """Add a profile's season to `season` and `rough`; return what it leaves."""
        cycle, count = (self.cycle, SLOTS) if part == "long" else (WEEK, HOURS)
        slots, places = slots_of(clock, cycle, count, step)
        per_cycle = max(2.0, cycle / step)
        own_season, own_rough, rest = (np.empty(values.shape) for _ in range(3))
        follow(
            values,
            slots,
            places,
            stride=max(1, round(step * count / cycle)) % count,
            per_cycle=per_cycle,
            horizon=per_cycle * (PROVING if part == "long" else 1.0),
            **part_of(state, part),
            season=own_season,
            rough=own_rough,
            rest=rest,
        )
        season += own_season
        rough += own_rough
        return rest


def slots_of(clock: Ints, cycle: int, count: int, step: int) -> tuple[Ints, Floats]:
    """Return the slot of each instant, and where in the slot it lies.

    Parameters
    ----------
    clock : int64 [T], milliseconds since the beginning of some cycle
    cycle : milliseconds
    count : slots of a cycle
    step : milliseconds between samples

    Returns
    -------
    slots : int64 [T], 0 to count - 1
    places : float64 [T], -0.5 to 0.5 slots from the middle of the samples that a slot holds; 0 when
        it holds one
    """
    place = clock % cycle
    slots = place * count // cycle
    length = cycle / count
    middle = 0.5 * max(0.0, length - step)
    if middle == 0.0:
        return slots, np.zeros(len(clock))
    places = (place - slots * length - middle) / length
    return slots, np.clip(places, -0.5, 0.5)


def part_of(state: State, part: str) -> State:
    """Return the arrays of one season by their own names, as views."""
    prefix = f"season_{part}_"
    return {
        name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)
    }


def _between_checks(index: Ints) -> list[tuple[int, int]]:
    """Return the pieces of the columns [start, stop) that end where cycles are looked for."""
    ends = np.flatnonzero((index + 1) % CHECK == 0) + 1
    bounds = [0, *ends.tolist(), len(index)]
    return [(a, b) for a, b in pairwise(bounds) if a < b]
