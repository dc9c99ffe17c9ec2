"""What should become of a model? A table, read from the top: the first line that fits decides."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from exporter.modelwatch.degradation import ModelQuality

Action = Literal["roll back", "retrain", "watch", "wait", "nothing to do"]


@dataclass(frozen=True, slots=True)
class Signs:
    """What the decision goes by.

    Parameters
    ----------
    severity : of the degradation, 0 to 3; None where nothing can be said
    is_since_change : it is one against the version before, the version's own past being too short
    is_worse_than_before : the newest days are worse than the last ones of the version before
    drifted : features whose drift is high or critical
    is_prediction_drifting : likewise the prediction
    is_any_drift_known : whether a drift check could tell of anything
    has_failed : its quality could not be measured this time
    """

    severity: int | None
    is_since_change: bool = False
    is_worse_than_before: bool = False
    drifted: int = 0
    is_prediction_drifting: bool = False
    is_any_drift_known: bool = True
    has_failed: bool = False


class Advice(NamedTuple):
    """What to do, and why.

    Parameters
    ----------
    action : a word or two
    why : for people
    """

    action: Action
    why: str


_Row = tuple[Callable[[Signs], bool], Advice]

TABLE: Final[tuple[_Row, ...]] = (
    (
        lambda s: (s.severity or 0) >= 2 and s.is_since_change,
        Advice("roll back", "it has been worse than the version before since it took its place"),
    ),
    (
        lambda s: (s.severity or 0) >= 2 and s.is_worse_than_before and not s.drifted,
        Advice("roll back", "it has become worse, the version before was better, and what it reads "
        "has not changed"),
    ),
    (
        lambda s: (s.severity or 0) >= 2 and s.drifted > 0,
        Advice("retrain", "it has become worse, and what it reads has drifted: it does not know "
        "the world as it is now"),
    ),
    (
        lambda s: (s.severity or 0) >= 2,
        Advice("retrain", "it has become worse though what it reads has not drifted: what follows "
        "from it has changed, or the truth is recorded differently; look at the labels first"),
    ),
    (
        lambda s: (s.severity or 0) == 1,
        Advice("watch", "it has become a little worse"),
    ),
    (
        lambda s: s.severity == 0 and (s.drifted > 0 or s.is_prediction_drifting),
        Advice("watch", "there is drift, and it is as right as ever"),
    ),
    (
        lambda s: s.severity is None and (s.drifted > 0 or s.is_prediction_drifting),
        Advice("watch", "there is drift, and whether it is still right is not known; get labels, "
        "or retrain if the drift is there to stay"),
    ),
    (
        lambda s: s.has_failed,
        Advice("wait", "its quality could not be measured this time"),
    ),
    (
        lambda s: s.severity is None and not s.is_any_drift_known,
        Advice("wait", "nothing is known of it yet"),
    ),
    (
        lambda s: s.severity is None,
        Advice("nothing to do", "nothing has drifted; whether it is right is not known"),
    ),
    (
        lambda s: True,
        Advice("nothing to do", "it is as right as ever, and nothing has drifted"),
    ),
)  # fmt: skip


def advice_of(signs: Signs) -> Advice:
    """Return the advice of the first line that fits."""
    return next(advice for fits, advice in TABLE if fits(signs))


def signs_of(
    quality: ModelQuality | None,
    drifted: int,
    is_prediction_drifting: bool,
    is_any_drift_known: bool,
    has_failed: bool,
) -> Signs:
    """Return what the decision goes by; of drift and failure as in `Signs`.

    quality : None for a model without a label
    """
    found = None if quality is None else quality.degradation
    return Signs(
        None if found is None else found.severity,
        found is not None and found.kind == "previous_version",
        quality is not None and quality.is_worse_than_before,
        drifted,
        is_prediction_drifting,
        is_any_drift_known,
        has_failed,
    )
