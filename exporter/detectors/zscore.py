"""Rolling z-score: distance from the mean in standard deviations."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from exporter.core.rolling import mean_and_deviation
from exporter.core.series import Floats, Ints
from exporter.detectors.base import WindowedDetector


@dataclass(frozen=True, kw_only=True)
class ZScore(WindowedDetector):
    """Flag samples far from the rolling mean.

    Parameters
    ----------
    window, quarantine, accept_after, sigmas : see WindowedDetector
    min_samples : samples until the first score; a full window, since one burst at the start, as
        when a machine boots, makes the deviation of a short window useless

    Notes
    -----
    Warm-up is `min_samples`. NaN is skipped and not learned. Sensitive on smooth series; a window
    that already holds a spike hides the next one (masking), which is why the median-based `mad`
    votes beside it. A spike that returns too rarely to be learned is flagged each time. Score 0.6
    stands for one sample in 16,000 if the tails are no heavier than Student's t (core/scores.py).

    References
    ----------
    Shewhart (1931), Economic Control of Quality of Manufactured Product; we leave samples that
    were found odd out of the window.
    """

    kind: Literal["zscore"] = "zscore"
    min_samples: Annotated[int, Ge(10)] = 100

    def baseline(self, ring: Floats, count: Ints) -> tuple[Floats, Floats]:
        """Return mean and standard deviation."""
        return mean_and_deviation(ring, count)
