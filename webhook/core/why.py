"""Why is this an anomaly, in the words that the exporter uses?

Only what is known is said, and of whom it is known: a detector's highest score over all series of a
query is not this series' score.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from webhook.core.facts import Reading
from webhook.core.present import amount

# From here on the exporter stops counting sigmas.
_MAX_SIGMAS = 1000.0
# Below it a detector says that nothing is wrong rather than that something is.
_SAYS_SO = 0.5
# As the rule that tells of changed trends.
_TURNED = 0.8
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Signals:
    """What Prometheus knows of the moment of an alert, beyond the reading itself.

    Parameters
    ----------
    detectors : detector -> its confidence in this series, 0 to 1
    highest : detector -> its highest confidence over all series of the query
    is_new_pattern : whether the series behaves in a way that it has not behaved in before
    trend_change : size and direction of the last change of trend, -1 to 1
    yesterday, last_week : the value at the same time a day and a week before
    """

    detectors: Mapping[str, float] = field(default_factory=dict)
    highest: Mapping[str, float] = field(default_factory=dict)
    is_new_pattern: bool = False
    trend_change: float | None = None
    yesterday: float | None = None
    last_week: float | None = None


def why(reading: Reading, signals: Signals) -> str:
    """Return in one line what is odd, who says so, and what it was like before; "" if unknown."""
    parts = [_odd(reading), _score(reading), _voices(signals)]
    if signals.is_new_pattern:
        parts.append("it moves in a way that it has not moved in before")
    if signals.trend_change is not None and abs(signals.trend_change) >= _TURNED:
        parts.append(f"its trend has turned {'up' if signals.trend_change > 0 else 'down'}wards")
    parts.append(_before(signals, reading.unit))
    return "; ".join(part for part in parts if part)


def _odd(reading: Reading) -> str:
    value, lower, upper = reading.value, reading.lower, reading.upper
    if value is None:
        return ""
    number = amount(value, reading.unit)
    if lower is None or upper is None:
        is_high = reading.score is not None and reading.threshold is not None
        is_high = is_high and (reading.score or 0.0) >= (reading.threshold or 0.0)
        return f"{number} is unusual for this series" if is_high else ""
    band = f"the band {amount(lower, reading.unit)} to {amount(upper, reading.unit)}"
    if reading.sigmas is not None and math.isfinite(reading.sigmas):
        sigmas = abs(reading.sigmas)
        far = f"{sigmas:.3g}" if sigmas < _MAX_SIGMAS else f"{_MAX_SIGMAS:.0f} or more"
        band += f" ({far} sigmas)"
    if value > upper:
        return f"{number} is above {band}"
    if value < lower:
        return f"{number} is below {band}"
    if reading.score is not None and reading.threshold is not None:
        is_alarm = reading.score >= reading.threshold
        return f"{number} is {'unusual though ' if is_alarm else ''}within {band}"
    return f"{number} is within {band}"


def _score(reading: Reading) -> str:
    if reading.score is None:
        return ""
    text = f"score {reading.score:.2g} of 1"
    return text if reading.threshold is None else f"{text}, alerts from {reading.threshold:.2g}"


def _voices(signals: Signals) -> str:
    if named := _named(signals.detectors):
        return f"so say {named}"
    if named := _named(signals.highest):
        return f"highest scores over all series of the query: {named}"
    return ""


def _named(scores: Mapping[str, float]) -> str:
    loud = [(score, name) for name, score in scores.items() if score >= _SAYS_SO]
    loud.sort(key=lambda pair: (-pair[0], pair[1]))
    return ", ".join(f"{name} {score:.2g}" for score, name in loud[:_NAMED])


def _before(signals: Signals, unit: str) -> str:
    then = {"yesterday": signals.yesterday, "a week ago": signals.last_week}
    said = [f"{amount(value, unit)} {name}" for name, value in then.items() if value is not None]
    return f"at this time it was {' and '.join(said)}" if said else ""
