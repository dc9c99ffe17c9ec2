"""How rare is a deviation, given the deviations that this very series has shown before?

Some series leave five of their deviations daily, others never do. So the tail is learned: how often
|z| exceeds `START` deviations, and how far on a log scale when it does (Hill 1975,
doi:10.1214/aos/1176343247). Beyond `START` the tail falls as a power of |z|, as heavy as was seen.
Both figures start from a prior and are shares of the remembered samples, so two numbers are enough.
"""

import math
from typing import Final, NamedTuple

from exporter.core.kernels import compiled
from exporter.core.scores import ANOMALOUS, DECADES
from exporter.core.series import Floats

START: Final = 2.0
"""Where the tail starts, in deviations: 4 to 5 % of the samples are beyond, whatever the law."""

PRIOR_RATE: Final = 0.05
PRIOR_INDEX: Final = 0.2
PRIOR_WEIGHT: Final = 30.0
"""Beyond START, the share and the mean log that are taken for usual before anything is known, and
how many such samples that is worth: 0.6 is then at 9.7 deviations, and at 7 for normal noise."""

MEMORY: Final = 5000.0
"""Samples that a learned tail, or a share of changes, rests on."""

FEW_CHANGES: Final = 30.0
"""With fewer changes of value than this the size of a change says nothing of how rare it is."""

HUGE: Final = 1e150
"""Values beyond are taken for infinite: their squares would be."""

_LN_ANOMALOUS: Final = ANOMALOUS * DECADES * math.log(10.0)
_LN_ONE: Final = DECADES * math.log(10.0)


class Told(NamedTuple):
    """What a kernel says of the samples, to be written; each float64 [S, T], as in `Scores`."""

    score: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    sigmas: Floats


@compiled
def tail_shape(samples: float, rate: float, excess: float) -> tuple[float, float]:
    """Return the logarithm of how often |z| exceeds START, and the tail's index.

    The index is the upper end of its estimate by one standard error: little knowledge, heavy tail.

    Parameters
    ----------
    samples : remembered samples
    rate : share of them beyond START
    excess : mean over all of them of log(|z| / START), zero for those not beyond
    """
    beyond = samples * rate + PRIOR_WEIGHT
    share = beyond / (samples + PRIOR_WEIGHT / PRIOR_RATE)
    index = (samples * excess + PRIOR_WEIGHT * PRIOR_INDEX) / beyond
    return math.log(share), index * (1.0 + 1.0 / math.sqrt(beyond))


@compiled
def tail_score(z: float, log_rate: float, index: float) -> float:
    """Return the confidence that a deviation of `z` >= 0 is anomalous."""
    body = -log_rate * min(z / START, 1.0)
    beyond = math.log(max(z / START, 1.0)) / index
    return min((body + beyond) / _LN_ONE, 1.0)


@compiled
def tail_edge(log_rate: float, index: float) -> float:
    """Return the deviation whose confidence is ANOMALOUS."""
    return START * math.exp(index * (_LN_ANOMALOUS + log_rate))


@compiled
def tail_overshoot(log_rate: float, index: float) -> float:
    """Return the mean of log(|z| / START) of what is beyond `tail_edge`."""
    return index * (_LN_ANOMALOUS + log_rate) + index


@compiled
def ceiling(samples: float, changes: float) -> float:
    """Return the highest confidence that a series may be given that hardly ever changed.

    Leaving a value that was held for n samples is known to be rarer than 1 in n, and no more.

    samples, changes : remembered samples, and how many of them differed from the one before
    """
    if changes >= FEW_CHANGES:
        return 1.0
    return min(math.log((samples + 1.0) / (changes + 1.0)) / _LN_ONE, 1.0)
