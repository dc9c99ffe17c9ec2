"""What can go wrong in the exporter, and what each failure costs.

::

    ExporterError
      ConfigError             the configuration is wrong; exit 2, or on reload the old one stays
      QueryError              one query has no answer this time; its scores are withdrawn
        QueryRejected         Prometheus refused it (4xx): not retried in this evaluation
        SourceUnavailable     timeout, 5xx, refused: retried until the query's deadline
      DataError               an answer came that does not form a batch
      DetectorError           one detector cannot tell this time; the others go on
      ForecasterError         one query has no forecast this time; its scores go on
      DriftError              one drift test of a query cannot tell this time; the others go on
      ModelError              the quality of a user's model is not known this time; drift goes on
      CalendarError           a calendar cannot be read now; what it said last stays in force
      TrainingError           there is nothing to train from or with; no file was written
      StateError              the state file cannot be used
        StateTooNew           written by a newer version: refuse to start
        StateCorrupt          damaged: moved aside, start cold
"""

from collections.abc import Sequence
from typing import Literal

QueryFailure = Literal["rejected", "timeout", "unavailable", "malformed", "internal"]
DetectorFailure = Literal["refused", "crashed"]
ForecastFailure = Literal[QueryFailure, "crashed"]
DriftFailure = Literal[QueryFailure, "crashed", "baseline"]
RefitFailure = Literal[QueryFailure, "state", "damaged"]
ModelFailure = Literal[QueryFailure, "ambiguous", "labels", "tallies"]


class ExporterError(Exception):
    """Anything the exporter raises on purpose."""


class ConfigError(ExporterError):
    """All problems of a configuration, each with file and line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class QueryError(ExporterError):
    """One query has no usable answer; `reason` is its label on the failure counter."""

    def __init__(self, reason: QueryFailure, message: str) -> None:
        super().__init__(message)
        self.reason: QueryFailure = reason


class QueryRejected(QueryError):
    """Prometheus refuses this query as it stands."""


class SourceUnavailable(QueryError):
    """Prometheus did not answer in time, or not at all."""


class DataError(QueryError):
    """The samples do not form a batch."""

    def __init__(self, message: str) -> None:
        super().__init__("malformed", message)


class DetectorError(ExporterError):
    """A detector cannot tell; `kind` names it, `reason` is its label on the failure counter."""

    def __init__(self, kind: str, reason: DetectorFailure, message: str) -> None:
        super().__init__(f"detector {kind}: {message}")
        self.kind = kind
        self.reason: DetectorFailure = reason


class ForecasterError(ExporterError):
    """A forecaster cannot tell; `kind` names it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"forecaster {kind}: {message}")
        self.kind = kind


class DriftError(ExporterError):
    """A drift test cannot tell; `kind` names it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"drift test {kind}: {message}")
        self.kind = kind


class ModelError(ExporterError):
    """Predictions and truth do not go together; `reason` is its label on the failure counter."""

    def __init__(self, reason: ModelFailure, message: str) -> None:
        super().__init__(message)
        self.reason: ModelFailure = reason


class CalendarError(ExporterError):
    """A calendar cannot be read."""


class TrainingError(ExporterError):
    """A model cannot be trained."""


class StateError(ExporterError):
    """The state file cannot be used."""


class StateTooNew(StateError):
    """A newer version wrote the state file."""


class StateCorrupt(StateError):
    """The state file is damaged."""
