"""What is to be done about a failure, in one sentence, by its reason?"""

from collections.abc import Mapping
from typing import Final, Literal

from exporter.errors import (
    DetectorFailure,
    DriftFailure,
    ForecastFailure,
    ModelFailure,
    QueryFailure,
    RefitFailure,
)

Fault = Literal[
    QueryFailure,
    DetectorFailure,
    ForecastFailure,
    DriftFailure,
    RefitFailure,
    ModelFailure,
    "max_series",
]
"""Every reason that a failure is counted under, and the series beyond a query's limit."""

NEXT_STEPS: Final[Mapping[Fault, str]] = {
    "rejected": "Prometheus refuses the expression: try it there, then correct it in the "
    "configuration, which is taken up by itself.",
    "timeout": "Prometheus did not answer in time: raise the timeout, or make the expression "
    "cheaper, for example by a recording rule.",
    "unavailable": "Prometheus cannot be reached: check prometheus.url, the network between, and "
    "whether Prometheus is ready. It is asked again by itself.",
    "malformed": "The answer is not what is needed: try the expression in Prometheus, and check "
    "that prometheus.url leads to Prometheus and not to a login page.",
    "internal": "This is a defect: please report it with the traceback in the log. The others go "
    "on.",
    "refused": "What was learned does not fit the settings: stop the exporter, move the state file "
    "away and start it; the query learns anew from its look-back.",
    "crashed": "This is a defect in one part, and the others go on: please report it with the "
    "traceback in the log, and take the part out of the configuration until then.",
    "baseline": "The baseline of drift cannot be kept or read: check the folder beside the state "
    "file for space and permissions, or have it taken anew by POST /-/drift/retake.",
    "state": "A file cannot be written: check the folder of state.path for space and permissions.",
    "damaged": "A version of the model is damaged: go back to another one by anomaly-exporter "
    "models rollback, or have one fitted by POST /-/models/refit.",
    "ambiguous": "Predictions and labels do not pair one to one: name the labels to pair them by "
    "under watched_models, on.",
    "labels": "Labels must be 0 or 1: correct the expression under watched_models, label.",
    "tallies": "What was counted cannot be kept or read: check the folder beside the state file "
    "for space and permissions.",
    "max_series": "Raise max_series, if memory and time allow, or aggregate in the expression.",
}
