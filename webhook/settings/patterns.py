"""May what people called harmless stay silent when it comes again? What the configuration says."""

from typing import Self

from pydantic import model_validator

from promkit.durations import PositiveDuration
from promkit.errors import FieldProblem
from promkit.strictyaml import StrictModel
from webhook.core.patterns import Silencing
from webhook.core.severity import Level
from webhook.settings.sources import SourceConfig
from webhook.settings.tuning import TuningConfig

DAY = 86_400.0


class PatternsConfig(StrictModel):
    """How long, and which alerts, a harmless pattern silences.

    Parameters
    ----------
    enabled : whether there are any; needs `prometheus`, which alone knows courses
    expire : how long one lasts; then people must judge anew
    levels : those that may be silent
    """

    enabled: bool = True
    expire: PositiveDuration = 30 * DAY
    levels: frozenset[Level] = frozenset({"high", "medium", "low"})

    @model_validator(mode="after")
    def _cross_check(self) -> Self:
        if not self.levels:
            raise FieldProblem(
                ("levels",), "found an empty list, which silences nothing; set enabled: false"
            )
        return self


def silencing(
    patterns: PatternsConfig, tuning: TuningConfig, prometheus: SourceConfig | None
) -> Silencing | None:
    """Return which alerts a pattern may silence; None for none at all."""
    if not patterns.enabled or prometheus is None:
        return None
    return Silencing(
        patterns.levels, frozenset(tuning.alertnames), frozenset(tuning.external_labels)
    )
