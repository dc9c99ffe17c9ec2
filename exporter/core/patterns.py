"""How does a series behave over a window, in eight numbers, and which such behaviours does it know?

Patterns are the clusters that DBSCAN finds among a series' past behaviour vectors, with a reach
(eps) from how far these are from their third-nearest like. All series are clustered in one call:
their distances are the blocks of one sparse matrix.
"""

from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from exporter.core.history import location
from exporter.core.series import Bools, Floats

Labels: TypeAlias = npt.NDArray[np.int16]

DIMENSIONS: Final = (
    "mean",
    "spread",
    "slope",
    "autocorrelation",
    "zero_changes",
    "skew",
    "range",
    "period",
)
"""What a behaviour vector holds; the first two in the unit of the series."""

MIN_SAMPLES: Final = 3
"""Vectors within reach of each other that make a pattern."""

REACH: Final = 1.5
"""Reach, in units of..."""

REACH_QUANTILE: Final = 0.9
"""...this quantile of the distances to the third-nearest vector, itself the first."""

LEAST_REACH: Final = 0.5
"""Reach at least: closer behaviours are one, whatever their density."""

FARTHEST: Final = 6.0
TINY: Final = 1e-300
NOISE: Final = -1
"""Label of a vector that belongs to no pattern."""

EMPTY: Final = -2
"""Label of a slot without a vector."""


def behaviour(windows: Floats) -> Floats:
    """Return the behaviour vectors of windows [N, W] without NaN, float64 [N, 8].

    mean and standard deviation, in the unit of the series; climb of the least-squares line over the
    window, in deviations; correlation of neighbours; share of steps without change; skew; range in
    deviations; share of the variance that the strongest period explains. Samples are cut at
    `FARTHEST` robust deviations: one spike is no behaviour.
    """
    width = windows.shape[1]
    center, scale = location(windows)
    edge = FARTHEST * scale
    windows = np.clip(windows, (center - edge)[:, None], (center + edge)[:, None])
    mean = windows.mean(1)
    gap = windows - mean[:, None]
    variance = np.square(gap).mean(1)
    spread = np.sqrt(variance)
    is_flat = ~(spread > 1e-9 * np.abs(mean))  # rounding has no shape
    z = np.divide(gap, spread[:, None], out=np.zeros_like(gap), where=~is_flat[:, None])
    offsets = np.arange(width) - (width - 1) / 2.0
    power = np.square(np.abs(np.fft.rfft(z)))[:, 1:]
    total = power.sum(1)
    strongest = np.divide(power.max(1), total, out=np.zeros_like(total), where=total > 0.0)
    return np.stack(
        [
            mean,
            spread,
            (z * offsets).sum(1) * (width / np.square(offsets).sum()),
            (z[:, 1:] * z[:, :-1]).sum(1) / width,
            (np.diff(windows) == 0.0).mean(1),
            (z**3).mean(1),
            np.ptp(z, 1),
            strongest,
        ],
        1,
    )


def compressed(vectors: Floats, reference: Floats) -> Floats:
    """Return behaviour vectors [S, N, 8] in which a distance of 1 is much in every dimension.

    reference : float64 [S, 2], the usual mean and spread of each series
    """
    usual = reference[:, None, 1]
    floor = np.maximum(usual, np.maximum(1e-6 * np.abs(reference[:, None, 0]), TINY))
    found = vectors.astype(np.float64)
    found[..., 0] = np.arcsinh((vectors[..., 0] - reference[:, None, 0]) / floor)
    found[..., 1] = np.log2(1.0 + vectors[..., 1] / floor)
    found[..., 5] = np.arcsinh(vectors[..., 5])
    found[..., 6] = np.log1p(vectors[..., 6])
    return np.nan_to_num(found, nan=0.0, posinf=1e3, neginf=-1e3)


def distances(one: Floats, other: Floats) -> Floats:
    """Return the distance of each of [S, N, F] from each of [S, M, F], float64 [S, N, M]."""
    result: Floats = np.sqrt(np.square(one[:, :, None] - other[:, None]).sum(3))
    return result


def reach_of(between: Floats, is_there: Bools) -> Floats:
    """Return the reach [S] of series whose vectors are `between` [S, N, N] apart."""
    apart = np.where(is_there[:, None] & is_there[:, :, None], between, np.inf)
    third = np.partition(apart, MIN_SAMPLES - 1, 2)[:, :, MIN_SAMPLES - 1]
    third = np.sort(np.where(np.isfinite(third), third, np.inf), 1)
    known = np.isfinite(third).sum(1)
    place = np.clip((REACH_QUANTILE * known).astype(np.int64), 0, np.maximum(known - 1, 0))
    found = np.take_along_axis(third, place[:, None], 1)[:, 0]
    return np.maximum(REACH * np.where(np.isfinite(found), found, 0.0), LEAST_REACH)


def clustered(between: Floats, reach: Floats, is_there: Bools) -> Labels:
    """Return the pattern of each vector, int16 [S, N]: a number from 0, NOISE or EMPTY.

    between : float64 [S, N, N], distances
    reach : float64 [S]
    """
    from scipy.sparse import csr_array
    from sklearn.cluster import DBSCAN

    series, size = is_there.shape
    labels = np.full((series, size), EMPTY, dtype=np.int16)
    if not is_there.any():
        return labels
    both = is_there[:, None] & is_there[:, :, None]
    row, one, other = np.nonzero(both & (between <= reach[:, None, None]))
    numbers = np.cumsum(is_there.ravel()) - 1
    graph = csr_array(
        (
            between[row, one, other] / reach[row] + TINY,
            (numbers[row * size + one], numbers[row * size + other]),
        ),
        shape=(int(is_there.sum()),) * 2,
    )
    found = DBSCAN(eps=1.0, min_samples=MIN_SAMPLES, metric="precomputed").fit(graph).labels_
    labels[is_there] = np.where(found < 0, NOISE, found)
    first = np.where(labels >= 0, labels, np.iinfo(np.int16).max).min(1, keepdims=True)
    return np.where(labels >= 0, labels - first, labels).astype(np.int16)


class Signature(NamedTuple):
    """What is known of one pattern.

    Parameters
    ----------
    center : float64 [8], the mean of its vectors
    spread : their root mean square distance from it
    size : how many there are
    """

    center: Floats
    spread: float
    size: int


def signatures(vectors: Floats, labels: Labels) -> list[Signature]:
    """Return the patterns of one series, from compressed vectors [N, 8] and their labels [N]."""
    found = []
    for label in range(int(labels.max(initial=NOISE)) + 1):
        members = vectors[labels == label]
        center = members.mean(0)
        spread = float(np.sqrt(np.square(members - center).sum(1).mean()))
        found.append(Signature(center, spread, len(members)))
    return found


def similarity(distance: Floats) -> Floats:
    """Return how like a pattern a vector is, in [0, 1]: 1 is its like, 0.5 just within reach.

    distance : in units of the patterns' reach
    """
    return np.exp2(-np.square(distance))
