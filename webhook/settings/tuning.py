"""Do verdicts move thresholds and weights? What may be said of it in the configuration."""

from typing import Annotated

from pydantic import Field

from promkit.strictyaml import StrictModel

LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
AlertName = Annotated[str, Field(min_length=1)]


class TuningConfig(StrictModel):
    """How thresholds follow from verdicts.

    Parameters
    ----------
    enabled : whether they move by themselves; if not, those that were moved stay
    alertnames : the alerts that a score above its threshold causes; verdicts on others, such as on
        forecasts, say nothing of thresholds
    external_labels : names of labels that Prometheus adds to alerts and that series do not have;
        needed only where `prometheus` cannot be asked
    apply_losses : whether a threshold is raised even where a confirmed incident would have been
        missed; and likewise whether weights are changed
    weights : whether the weights of detectors move as well
    """

    enabled: bool = True
    alertnames: tuple[AlertName, ...] = ("AnomalyDetected",)
    external_labels: tuple[LabelName, ...] = ()
    apply_losses: bool = False
    weights: bool = True
