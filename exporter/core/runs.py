"""How rare is it that something goes on for so long?

A run is what follows an ordinary sample: so many samples in which something holds, mostly none. Of
every series it is learned how many runs reached 1, 2, 4, 8, ... samples. Between and beyond those
lengths the share that goes on is a power of the length, as for any scale-free law; what was
never seen starts from a prior. So the first run of a series is judged by how many ordinary samples
went without one, and later ones by how long runs have lasted.
"""

import math
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from exporter.core.kernels import compiled
from exporter.core.scores import DECADES

Singles: TypeAlias = npt.NDArray[np.float32]

LENGTHS: Final = 16
"""Lengths that are counted: powers of two up to 32,768 samples."""

REMEMBERED: Final = 10_000.0
"""Ordinary samples after which all counts are halved, so that what was long ago fades."""

ACCEPTED: Final = -(2**31)
"""Length of a run that has become normal: it stays negative, and so scores nothing."""

_PRIOR_RUNS: Final = 3.0
"""Runs that the prior is worth. With one, a single repeated sample could already be an alarm."""

_ODD_RUN: Final = 0.3
"""Share for which a run counts that was found anomalous: the second outage of a week is still one,
the third zero night of a week is not."""

_GOES_ON: Final = 0.25
"""Prior share of runs that become twice as long, of a series that is mostly ordinary."""

_ORDINARY: Final = 30.0
"""Ordinary samples until that is half known; before, runs are expected to go on for ever."""

_LN_ONE: Final = DECADES * math.log(10.0)


@compiled
def learn_run(length: int, is_odd: bool, reached: Singles) -> None:
    """Count a run that has ended, in place.

    is_odd : whether it was found anomalous
    reached : float32 [LENGTHS], runs that had 2^j samples
    """
    weight = _ODD_RUN if is_odd else 1.0
    place = 0
    while place < len(reached) and 2**place <= length:
        reached[place] += weight
        place += 1


@compiled
def learn_ordinary(trials: Singles, row: int, reached: Singles) -> None:
    """Count an ordinary sample of the series `row`, in place."""
    trials[row] += 1.0
    if trials[row] >= REMEMBERED:
        trials[row] *= 0.5
        for place in range(len(reached)):
            reached[place] *= 0.5


@compiled
def run_score(length: int, trials: float, reached: Singles) -> float:
    """Return the confidence in [0, 1] that a run of `length` samples so far is anomalous.

    Parameters
    ----------
    length : samples of the run, 0 or less for none
    trials : ordinary samples that are remembered
    reached : float32 [LENGTHS], runs after them that had 2^j samples
    """
    if length <= 0:
        return 0.0
    shorter, longer = 0.0, 0.0
    for place in range(len(reached) - 1):
        shorter += reached[place]
        longer += reached[place + 1]
    goes_on = (trials * _GOES_ON + _ORDINARY) / (trials + _ORDINARY)
    usual = (longer + _PRIOR_RUNS * goes_on) / (shorter + _PRIOR_RUNS)
    rarity = -math.log((reached[0] + _PRIOR_RUNS) / (trials + _PRIOR_RUNS))
    place = 0
    going_on = usual
    while place < len(reached) and 2**place <= length:
        if place > 0:
            rarity -= math.log(going_on)
        going_on = usual
        if place + 1 < len(reached):
            going_on = (reached[place + 1] + _PRIOR_RUNS * usual) / (reached[place] + _PRIOR_RUNS)
        place += 1
    rarity -= math.log(going_on) * math.log2(length / 2.0 ** (place - 1))
    return min(rarity / _LN_ONE, 1.0) if rarity > 0.0 else 0.0
