"""Do people's verdicts move thresholds and weights? `adjustments` of the YAML as a frozen model."""

from typing import Annotated

from annotated_types import Len

from promkit.durations import PositiveDuration
from promkit.strictyaml import StrictModel


class AdjustmentsConfig(StrictModel):
    """What the webhook makes of people's verdicts, read from Prometheus."""

    enabled: bool = True
    """Whether anything is moved; false: thresholds and weights stay as configured."""
    weights: bool = True
    """Whether the weights of detectors are moved, too; false: they stay as configured."""
    expr: Annotated[str, Len(1)] = "last_over_time(anomaly_threshold_adjustment_ratio[1d])"
    """PromQL whose answer is factors on thresholds, by `query` and the labels of a series."""
    timeout: PositiveDuration = 5.0
    """Deadline of one such request, retries included."""


def adjustments_in_words(config: AdjustmentsConfig) -> str:
    """Return what it means, for people."""
    if not config.enabled:
        return "and weights stay as configured, whatever people say of alarms"
    what = "and weights follow" if config.weights else "follow"
    stays = "" if config.weights else "; weights stay as configured"
    return f"{what} people's verdicts, by {' '.join(config.expr.split())}{stays}"
