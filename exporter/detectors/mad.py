"""Rolling median and MAD: distance from the median in robust standard deviations."""

from dataclasses import dataclass
from typing import Literal

from exporter.core.rolling import median_and_mad
from exporter.core.series import Floats, Ints
from exporter.detectors.base import WindowedDetector


@dataclass(frozen=True, kw_only=True)
class Mad(WindowedDetector):
    """Flag samples far from the rolling median.

    Parameters
    ----------
    window, min_samples, quarantine, accept_after, sigmas : see WindowedDetector

    Notes
    -----
    Warm-up is `min_samples`. NaN is skipped and not learned. Up to half of the window may be
    contaminated without moving the band. On series that mostly repeat one value the MAD is zero;
    the root mean square distance takes its place, and on a constant window any change scores 1 (the
    query's `min_deviation` says which changes matter). Score 0.6 stands for one sample in 16,000
    if the tails are no heavier than Student's t (core/scores.py).

    References
    ----------
    Leys et al. (2013), doi:10.1016/j.jesp.2013.03.013. We leave samples that were found odd out of
    the window.
    """

    kind: Literal["mad"] = "mad"

    def baseline(self, ring: Floats, count: Ints) -> tuple[Floats, Floats]:
        """Return median and scaled MAD."""
        return median_and_mad(ring, count)
