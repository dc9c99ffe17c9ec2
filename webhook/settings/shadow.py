"""Which other thresholds are compared with those in force, without alerting anybody?"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from promkit.errors import FieldProblem
from promkit.strictyaml import StrictModel
from webhook.core.shadow import IN_FORCE, Variant
from webhook.core.thresholds import HIGHEST, LOWEST

MOST = 5
"""Each asks Prometheus for as much as the others together."""


def _other(ratio: float) -> float:
    if ratio == 1.0:
        raise ValueError("found 1, which is what is in force; write another, such as 1.2")
    return ratio


class VariantConfig(StrictModel):
    """Thresholds other than those in force.

    Parameters
    ----------
    name : what it is called in metrics
    ratio : what multiplies the thresholds that are in force
    queries : names of the queries that it is about; none for all
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
    ratio: Annotated[float, Field(ge=LOWEST, le=HIGHEST), AfterValidator(_other)]
    queries: tuple[Annotated[str, Field(min_length=1)], ...] = ()

    @property
    def variant(self) -> Variant:
        """What it means."""
        return Variant(self.name, self.ratio, self.queries)


def check_shadow(variants: Sequence[VariantConfig]) -> None:
    """Check what variants say of each other.

    Raises
    ------
    FieldProblem
        If there are too many, or a name is taken.
    """
    if len(variants) > MOST:
        raise FieldProblem(("shadow",), f"found {len(variants)} variants; allowed: {MOST}")
    taken = {IN_FORCE}
    for i, variant in enumerate(variants):
        if variant.name in taken:
            raise FieldProblem(
                ("shadow", i, "name"),
                f"found {variant.name!r}, which is taken; give each a name of its own",
            )
        taken.add(variant.name)
