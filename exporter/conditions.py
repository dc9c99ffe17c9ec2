"""What holds for a query at the time, besides how it is configured?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from exporter.core.adjustments import NO_ADJUSTMENTS, Adjustments
from exporter.core.series import Keys
from exporter.judge import ORDINARY, Terms
from exporter.pipeline import TermsOf
from exporter.plan import Plan


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """What people have said that concerns a query.

    Parameters
    ----------
    adjustments : of thresholds
    """

    adjustments: Adjustments = NO_ADJUSTMENTS

    def terms_of(self, plan: Plan) -> TermsOf:
        """Return what says under which terms series of the query are judged."""

        def terms(keys: Keys) -> Terms:
            found = self.adjustments.thresholds(plan.query, keys, plan.policy.threshold)
            return ORDINARY if found is None else Terms(found)

        return terms


NO_CONDITIONS = Conditions()

AtPresent: TypeAlias = Callable[[], Conditions]
"""Says what holds now."""


def none_at_present() -> Conditions:
    """Return that nothing holds."""
    return NO_CONDITIONS
