"""What else is not learned from? The `masks` of the YAML as a frozen model."""

from typing import Annotated

from annotated_types import Len

from promkit.durations import PositiveDuration
from promkit.strictyaml import StrictModel


class MasksConfig(StrictModel):
    """Times that others know of, read from Prometheus."""

    incidents: bool = True
    """Keep out what people said was an incident or maintenance."""
    silences: bool = True
    """Keep out what Alertmanager's silences are about, a day of each at most."""
    alerts: Annotated[str, Len(1)] | None = None
    """PromQL that has an answer while something is wrong, such as ALERTS of some names."""
    history: PositiveDuration = 1_209_600.0
    """How far back `alerts` are known."""
    timeout: PositiveDuration = 10.0
    """Deadline of one request, retries included."""


def masks_in_words(config: MasksConfig) -> str:
    """Return what it means, for people."""
    said = ["incidents that people confirmed"] if config.incidents else []
    if config.silences:
        said.append("what is silenced")
    if config.alerts is not None:
        said.append(f"whatever {' '.join(config.alerts.split())} is about")
    *first, last = said or ["nothing but maintenance"]
    return f"{', '.join(first)}{' and ' if first else ''}{last} not learned from"
