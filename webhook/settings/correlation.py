"""What is configured about incidents of one cause?"""

from typing import Annotated

from pydantic import Field

from promkit.durations import PositiveDuration
from promkit.strictyaml import StrictModel
from webhook.core.correlation import Rules


class CorrelationConfig(StrictModel):
    """When incidents count as one cause.

    Parameters
    ----------
    by : labels that tie incidents together where both have them with the same value
    within : how soon after the newest of a group another one must open
    min_correlation : from where series that share some of the labels move together, 0 to 1
    """

    by: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "instance",
        "namespace",
        "service",
        "job",
        "cluster",
    )
    within: PositiveDuration = 300.0
    min_correlation: Annotated[float, Field(gt=0, le=1)] = 0.7

    @property
    def rules(self) -> Rules:
        """What it means."""
        return Rules(self.by, self.within, self.min_correlation)
