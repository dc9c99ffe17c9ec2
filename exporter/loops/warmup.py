"""When can the series be judged that no detector can judge yet?"""

from collections.abc import Sequence

import numpy as np

from exporter.core.series import Ints, Keys, SeriesBatch
from exporter.detectors.base import Detector


class WarmUp:
    """Counts samples of series while there are some that no detector has seen enough of.

    What was seen before a restart is not counted, so that it is an upper bound then.

    Parameters
    ----------
    detectors : of the query
    step : milliseconds between samples
    """

    def __init__(self, detectors: Sequence[Detector], step: int) -> None:
        self._needed = min((first_score(each) for each in detectors), default=0)
        self._step = step
        self._is_counting = True
        # As one, since another thread asks.
        self._counted: tuple[Keys, Ints] = ((), np.zeros(0, dtype=np.int64))

    def begin(self) -> None:
        """Forget what was counted: all begins anew."""
        self._counted = ((), np.zeros(0, dtype=np.int64))
        self._is_counting = True

    def note(self, batch: SeriesBatch) -> None:
        """Count the samples of a batch."""
        if not self._is_counting:
            return
        keys, counts = self._counted
        fresh = (~np.isnan(batch.values)).sum(1)
        if keys == batch.keys:
            self._counted = keys, counts + fresh
            return
        known = dict(zip(keys, counts.tolist(), strict=True))
        before = np.array([known.pop(key, 0) for key in batch.keys], dtype=np.int64)
        gone = np.array([*known.values()], dtype=np.int64)
        self._counted = (*batch.keys, *known), np.concatenate([before + fresh, gone])

    def only_while(self, warming: int) -> None:
        """Count on as long as there are such series."""
        if warming == 0 and self._is_counting:
            self.begin()
        self._is_counting = warming > 0

    def ready_in(self, silent: Keys) -> float | None:
        """Return after how many seconds without gaps the last of the series can be judged.

        None where they have more samples than any detector should need.
        """
        counted = dict(zip(*self._counted, strict=True))
        left = max((self._needed - int(counted.get(key, 0)) for key in silent), default=0)
        return left * self._step / 1000 if left > 0 else None


def first_score(detector: Detector) -> int:
    """Return after how many samples at most a detector gives a series its first score."""
    told = getattr(detector, "min_samples", None)
    return told if isinstance(told, int) else detector.memory
