"""Is a challenger at least as good as the champion? In which measures is it worse?"""

from dataclasses import dataclass
from typing import Final

from exporter.lifecycle.quality import Quality

NOTHING_JUDGED: Final = "nothing_judged"
"""The reason against a challenger that there is nothing to judge by."""


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How much worse a measure may be.

    Parameters
    ----------
    factor : share of the champion's
    slack : on top of that, in the unit of the measure
    more_is_better : of this measure; otherwise less is
    """

    factor: float = 0.0
    slack: float = 0.0
    more_is_better: bool = False


TOLERANCES: Final = {
    "judged_ratio": Tolerance(slack=0.01, more_is_better=True),
    "alarms_per_series_day": Tolerance(factor=0.1),
    "anomalous_ratio": Tolerance(factor=0.25, slack=0.01),
    "band_error_ratio": Tolerance(factor=0.05, slack=0.01),
    "band_width_ratio": Tolerance(factor=0.25, slack=0.01),
    "band_coverage_ratio": Tolerance(slack=0.01, more_is_better=True),
    "incidents_caught": Tolerance(more_is_better=True),
    "false_alarms_repeated": Tolerance(),
}
"""Measure of `Quality` -> how much worse a challenger may be in it."""

ONE_ALARM: Final = 1.0
"""Alarms that a challenger may have on top, however few series there are: that is chance."""


def worse_in(challenger: Quality, champion: Quality) -> tuple[str, ...]:
    """Return the measures in which a challenger is worse; it is promoted if there are none."""
    if not challenger.series_days:
        return (NOTHING_JUDGED,)
    return tuple(
        name
        for name, tolerance in TOLERANCES.items()
        if _is_worse(name, tolerance, challenger, champion)
    )


def _is_worse(name: str, tolerance: Tolerance, challenger: Quality, champion: Quality) -> bool:
    new, old = getattr(challenger, name), getattr(champion, name)
    if old is None:
        return False
    if new is None:
        return True
    allowed = tolerance.factor * abs(old) + tolerance.slack
    if name == "alarms_per_series_day":
        allowed += ONE_ALARM / challenger.series_days
    return bool((old - new if tolerance.more_is_better else new - old) > allowed + _ROUNDING)


_ROUNDING: Final = 1e-9
