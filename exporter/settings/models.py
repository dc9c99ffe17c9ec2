"""When is a query's model fitted anew, and by what is it judged? The key `models`."""

from typing import Annotated, Final

from annotated_types import Ge, Le

from promkit.durations import Duration, PositiveDuration, format_duration
from promkit.errors import FieldProblem
from promkit.strictyaml import StrictModel

MOST_COLUMNS: Final = 10_000
"""Columns of a tail at most: twice as many are judged twice in a refit."""


class ModelsConfig(StrictModel):
    """The life cycle of what a query has learned; nothing of it without a state file."""

    refit: Annotated[Duration, Ge(1)] | None = 7 * 86_400.0
    """How often a challenger is fitted on history and compared with the champion; null: never."""
    on_drift: bool = True
    """Fit one, too, when two checks in a row find that most of the query's series have drifted."""
    keep: Annotated[int, Ge(1), Le(100)] = 3
    """Versions that are kept to go back to, the champion included."""
    tail: PositiveDuration = 6 * 3_600.0
    """The newest data, held back from the challenger, on which both are judged."""
    history: PositiveDuration = 14 * 86_400.0
    """What a challenger learns from, before the tail; at least the query's `lookback`."""


def resolve_models(given: ModelsConfig, step: float) -> ModelsConfig:
    """Return the life cycle with nothing left to default.

    step : seconds, of the query

    Raises
    ------
    FieldProblem
        The tail and the query's step do not go together.
    """
    longest = MOST_COLUMNS * step
    tail = given.tail
    if "tail" not in given.model_fields_set:
        tail = max(step, min(tail, longest))
    if not step <= tail <= longest:
        raise FieldProblem(
            ("tail",),
            f"found {format_duration(tail)}; allowed: {format_duration(step)} to "
            f"{format_duration(longest)}, which is {MOST_COLUMNS} of the query's steps",
        )
    return given.model_copy(update={"tail": tail})


def models_in_words(models: ModelsConfig) -> str:
    """Return what a resolved life cycle means, for the person who wrote it."""
    when = [] if models.refit is None else [f"every {format_duration(models.refit)}"]
    when += ["on drift"] if models.on_drift else []
    tail, history = format_duration(models.tail), format_duration(models.history)
    return (
        f"refitted {' and '.join(when) or 'on command only'}, from {history} of history, judged "
        f"by the last {tail} or more; {models.keep} versions kept"
    )
