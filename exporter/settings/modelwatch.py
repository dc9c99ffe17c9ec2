"""Which models of the user's own are looked after? The key `watched_models`, its bounds."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from annotated_types import Ge, Gt, Len, Lt
from pydantic import Field, model_validator

from exporter.settings.drift import DriftConfig, resolve_drift
from exporter.settings.zones import TimeZone
from promkit.durations import Duration, PositiveDuration, format_duration
from promkit.errors import FieldProblem
from promkit.strictyaml import StrictModel

STEP: Final = 300.0
"""Seconds between predictions, unless the evaluation interval is longer."""

PREDICTION: Final = "prediction"
"""What the prediction is called where features have names."""

_SELECTOR = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{[^{}]*\}\s*)?")


class FeatureConfig(StrictModel):
    """One thing that a model reads."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_.-]*$", max_length=48)]
    """The value of the label `feature`."""
    expr: Annotated[str, Len(1)]
    """PromQL."""


@dataclass(frozen=True, slots=True)
class Part:
    """What of a model is checked for drift: a feature or its prediction.

    Parameters
    ----------
    query : name of the query that does so
    expr : PromQL
    labels : on its drift gauges, beside `query`
    """

    query: str
    expr: str
    labels: Mapping[str, str]


class WatchedModelConfig(StrictModel):
    """A model whose inputs and answers are series, and perhaps the truth, too."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_.-]*$", max_length=40)]
    """The value of the label `model`."""
    version: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]+$", max_length=32)]
    """The value of the label `model_version`; another one begins anew."""
    features: tuple[FeatureConfig | Annotated[str, Len(1)], ...] = ()
    """What it reads: `{name, expr}`, or an expression, named after its metric or its position."""
    prediction: Annotated[str, Len(1)] | None = None
    """PromQL: the score, or 0 and 1."""
    label: Annotated[str, Len(1)] | None = None
    """PromQL: the truth, 0 or 1, of the same series."""
    decision: float = 0.5
    """Predictions from here on say 1."""
    on: Annotated[tuple[str, ...], Len(1)] | None = None
    """Labels by which prediction and truth find each other; default: all but the metric's name."""
    label_delay: Duration = 0.0
    """How long after a prediction its truth is there."""
    baseline_f1: Annotated[float, Gt(0), Lt(1)] | None = None
    """F1 that the newest is compared with; default: that of the version's first 30 days."""
    step: Annotated[Duration, Ge(1)] | None = None
    """Time between predictions; default: 5m, or the evaluation interval if that is longer."""
    interval: Annotated[Duration, Ge(1)] = 3_600.0
    """How often new predictions are compared with the truth."""
    offset: Duration = 1.0
    """How late samples may arrive, beyond `label_delay`."""
    timeout: PositiveDuration = 10.0
    """Deadline of one fetch, retries included."""
    timezone: TimeZone = None
    """Whose hours of the week drift goes by; default: UTC."""
    drift: DriftConfig = DriftConfig()
    """How features and prediction are compared with their baselines."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.features and self.prediction is None:
            raise FieldProblem((), "found neither features nor a prediction; add at least one")
        if self.label is not None and self.prediction is None:
            message = "found without a `prediction` to be compared with; add it"
            raise FieldProblem(("label",), message)
        if self.label is None:
            for key in ("on", "label_delay", "baseline_f1", "decision", "step", "interval"):
                if key in self.model_fields_set:
                    message = "found without a `label`; add the truth, or leave this out"
                    raise FieldProblem((key,), message)
        names = [feature.name for feature in self.named_features()]
        for position, name in enumerate(names):
            if name == PREDICTION:
                message = f"found the name {PREDICTION}, which is the prediction's; take another"
                raise FieldProblem(("features", position), message)
            if name in names[:position]:
                message = f"found {name!r} a second time; give each a `name` of its own"
                raise FieldProblem(("features", position), message)
        return self

    def named_features(self) -> tuple[FeatureConfig, ...]:
        """Return the features, those without a name after their metric, else their position."""
        return tuple(
            FeatureConfig(name=_name_of(given, position), expr=given)
            if isinstance(given, str)
            else given
            for position, given in enumerate(self.features, 1)
        )

    def parts(self) -> Iterator[Part]:
        """Yield what of it is checked for drift."""
        labels = {"model": self.name, "model_version": self.version}
        before = f"{self.name}.{self.version}"
        for feature in self.named_features():
            more = {"part": "feature", "feature": feature.name}
            yield Part(f"{before}.{feature.name}", feature.expr, labels | more)
        if self.prediction is not None:
            yield Part(f"{before}.{PREDICTION}", self.prediction, labels | {"part": PREDICTION})

    def beside(self) -> dict[str, Any]:
        """Return what its queries have in common: checked for drift, not scored."""
        shared = {key: getattr(self, key) for key in ("drift", "timezone", "offset", "timeout")}
        return {"ensemble": "none", **shared}

    def with_exprs(self, change: Callable[[str, float | None], str]) -> Self:
        """Return it with the expressions of prediction and truth changed, given the step, too."""
        exprs = {key: getattr(self, key) for key in ("prediction", "label")}
        changed = {key: expr and change(expr, self.step) for key, expr in exprs.items()}
        return self.model_copy(update=changed)


def check_watched(
    models: Sequence[WatchedModelConfig], queries: Set[str], evaluation_interval: float
) -> None:
    """Check models against each other and against the queries that there are by name.

    evaluation_interval : seconds

    Raises
    ------
    FieldProblem
        Two do not go together, or two keys of one; with its path from the whole file on.
    """
    names: set[str] = set()
    taken = set(queries)
    for position, model in enumerate(models):
        path = ("watched_models", position)
        if model.name in names:
            message = f"found {model.name!r} a second time; names of models are unique"
            raise FieldProblem((*path, "name"), message)
        names.add(model.name)
        for part in model.parts():
            if part.query in taken:
                message = f"found {model.name!r}, of which {part.query!r} becomes a query that "
                raise FieldProblem((*path, "name"), f"{message}is there already; take another")
            taken.add(part.query)
        try:
            resolve_watched(model, evaluation_interval)
        except FieldProblem as problem:
            raise FieldProblem((*path, *problem.path), str(problem)) from None
        try:
            resolve_drift(model.drift, evaluation_interval)
        except FieldProblem as problem:
            raise FieldProblem((*path, "drift", *problem.path), str(problem)) from None


def resolve_watched(given: WatchedModelConfig, evaluation_interval: float) -> WatchedModelConfig:
    """Return the model with nothing left to default.

    evaluation_interval : seconds

    Raises
    ------
    FieldProblem
        Two of its keys do not go together.
    """
    step = given.step or max(STEP, evaluation_interval)
    if round(given.label_delay * 1000) % round(step * 1000):
        raise FieldProblem(
            ("label_delay",),
            f"found {format_duration(given.label_delay)}, which is no multiple of the step of "
            f"{format_duration(step)}; change one of the two",
        )
    interval = given.interval
    if interval < step:
        if "interval" in given.model_fields_set:
            raise FieldProblem(
                ("interval",),
                f"found {format_duration(interval)}, which is less than the step of "
                f"{format_duration(step)}; take that or more",
            )
        interval = step
    return given.model_copy(update={"step": step, "interval": interval})


def watched_in_words(model: WatchedModelConfig) -> str:
    """Return what a resolved model with a label means, for the person who wrote it."""
    step, interval, delay = (
        format_duration(seconds or 0.0)
        for seconds in (model.step, model.interval, model.label_delay)
    )
    late = f", which comes {delay} later" if model.label_delay else ""
    by = f" of the same {', '.join(model.on)}" if model.on else ""
    return (
        f"every {interval}: predictions in steps of {step}, 1 from {model.decision:g}, beside the "
        f"truth{by}{late}"
    )


def _name_of(expr: str, position: int) -> str:
    selector = _SELECTOR.fullmatch(expr)
    name = "" if selector is None else selector[1].replace(":", "_")
    return name if name and len(name) <= 48 else f"feature_{position}"
