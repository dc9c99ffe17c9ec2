"""What holds for a query at the time, besides how it is configured?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from exporter.core.adjustments import NO_ADJUSTMENTS, Adjustments
from exporter.core.masks import NO_MASKS, Mask, Masks
from exporter.core.published import Published
from exporter.core.rows import select_keys
from exporter.core.series import Bools, Ints, Keys
from exporter.core.weights import NO_WEIGHTS, Weights
from exporter.judge import ORDINARY, Terms
from exporter.pipeline import TermsOf
from exporter.plan import Plan


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """What people have said that concerns a query.

    Parameters
    ----------
    adjustments : of thresholds
    masks : times that are not to be learned from
    weights : of detectors
    """

    adjustments: Adjustments = NO_ADJUSTMENTS
    masks: Masks = NO_MASKS
    weights: Weights = NO_WEIGHTS

    def weighed(self, plan: Plan) -> Plan:
        """Return the plan with the weights in force.

        What its detectors have learned goes on to fit: only how their votes count is different. A
        single detector is its query's ensemble, whatever its weight.
        """
        told = self.weights.ratios(plan.query)
        names = [detector.name for detector in plan.detectors]
        ratios = {name: told[name] for name in names if name in told}
        if len(names) < 2 or ratios == plan.ratios:
            return plan
        return replace(plan, ratios=ratios)

    def terms_of(self, plan: Plan, masks: Sequence[Mask] = ()) -> TermsOf:
        """Return what says under which terms series of the query are judged.

        masks : those that hold
        """
        muting = [mask for mask in masks if mask.mutes]

        def terms(keys: Keys) -> Terms:
            found = self.adjustments.thresholds(plan.query, keys, plan.policy.threshold)
            if not muting:
                return ORDINARY if found is None else Terms(found)
            return Terms(found, self.masks.rows(plan.query, keys, muting)[:, None])

        return terms

    def masked(self, query: str) -> Callable[[Keys, Ints], Bools | None]:
        """Return what says which samples of a query's series are not to be learned from."""
        return lambda keys, times: self.masks.where(query, keys, times) if self.masks else None

    def published(self, published: Published, instant: int) -> Published:
        """Return what a query publishes at an instant, unix milliseconds, with what is muted.

        A muted series that is gone is not reported as missing.
        """
        if not self.masks:
            return published
        [(_, _, masks)] = self.masks.stretches(published.query, np.array([instant], dtype=np.int64))
        muting = [mask for mask in masks if mask.mutes]
        if not muting:
            return published

        def some(keys: Keys, *, muted: bool) -> Keys:
            is_muted = self.masks.rows(published.query, keys, muting)
            return select_keys(keys, np.flatnonzero(is_muted == muted))

        return replace(
            published,
            muted=some(published.keys, muted=True),
            missing=some(published.missing, muted=False),
        )


NO_CONDITIONS = Conditions()

AtPresent: TypeAlias = Callable[[], Conditions]
"""Says what holds now."""


def none_at_present() -> Conditions:
    """Return that nothing holds."""
    return NO_CONDITIONS
