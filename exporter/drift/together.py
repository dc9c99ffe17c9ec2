"""What does a test of several series at a time see of them? What came together, in order."""

from dataclasses import dataclass

from exporter.core.series import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """All samples of G series that belong together.

    Parameters
    ----------
    past : float64 [G, N], the whole baseline
    recent : float64 [G, M], the window
    times, now : int64 [N] and [M], when both were, wall clock in milliseconds
    step : milliseconds between columns
    """

    past: Floats
    recent: Floats
    times: Ints
    now: Ints
    step: int
