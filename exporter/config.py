"""What does the user want evaluated? The YAML as frozen models: every default and every bound."""

from importlib import resources
from typing import Annotated, Literal, Self

from annotated_types import Ge, Gt, Le, Len
from pydantic import Field, model_validator

from exporter.core.scores import ANOMALOUS
from exporter.detectors import AnyDetector
from exporter.ensemble import Combination, Combine
from exporter.ensembles import Ensemble, EnsembleName, named_ensemble
from exporter.errors import ConfigError
from exporter.judge import Direction
from exporter.settings.adjustments import AdjustmentsConfig
from exporter.settings.calendars import CalendarConfig
from exporter.settings.drift import DriftConfig, resolve_drift
from exporter.settings.forecast import ForecastConfig, resolve
from exporter.settings.maintenance import MaintenanceConfig, check_maintenance
from exporter.settings.masks import MasksConfig
from exporter.settings.models import ModelsConfig, resolve_models
from exporter.settings.modelwatch import WatchedModelConfig, check_watched, resolve_watched
from exporter.settings.places import PrometheusConfig, StateConfig
from exporter.settings.zones import TimeZone
from promkit.durations import Duration, PositiveDuration, format_duration
from promkit.errors import ConfigProblems, FieldProblem
from promkit.strictyaml import StrictModel, load_model

LONGEST_LOOKBACK = 14 * 86_400.0
"""Seconds of history that a query asks for unless told otherwise: two of each day of the week."""

MOST_COLUMNS = 10_000
"""Columns that it asks for at most, likewise."""

RATE_INTERVAL = "$__rate_interval"
"""In an expression: the shortest range over which `rate` is sound, as Grafana defines it."""

PresetName = Literal["node", "prometheus", "certificates"]


class QueryConfig(StrictModel):
    """One PromQL expression whose series are scored."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_.-]*$", max_length=128)]
    """The value of the label `query` on all of its gauges."""
    expr: Annotated[str, Len(1)]
    """The expression; `$__rate_interval` stands for a range that suits `rate`."""
    step: Annotated[Duration, Ge(0.1)] | None = None
    """Seconds between columns; default: the evaluation interval."""
    lookback: PositiveDuration | None = None
    """History fetched at a cold start; default: twice the longest detector memory, bounded."""
    offset: Duration = 1.0
    """How late samples may arrive; evaluations stay this far behind the clock."""
    timeout: PositiveDuration = 10.0
    """Deadline of one evaluation's fetch, retries included."""
    grace: Duration | None = None
    """How long a series may pause before it counts as gone; default: two steps."""
    missing_for: Duration = 3600.0
    """How long a series that is gone is reported as missing; 0 turns the report off."""
    remember_for: Duration = 86_400.0
    """How long what was learned of a series that is gone is kept; at least `missing_for`."""
    max_series: Annotated[int, Ge(1)] = 10_000
    """More series than this are dropped, with an error metric and a log line."""
    direction: Direction = "both"
    """The side of the expected value that matters: up, down or both."""
    range: tuple[float | None, float | None] = (None, None)
    """Lowest and highest possible value; null leaves a side open, outside is always anomalous."""
    min_deviation: Annotated[float, Ge(0)] = 0.0
    """Smaller distances from the expected value are harmless, in the series' unit."""
    min_relative_deviation: Annotated[float, Ge(0)] = 0.0
    """Likewise, as a share of the expected value."""
    ensemble: Literal[EnsembleName, "none"] = "default"
    """A ready set of detectors; `detectors` lists your own instead; none: nothing is scored."""
    detectors: Annotated[tuple[AnyDetector, ...], Len(1)] = ()
    """An ensemble of your own; each entry has a `kind`, a `weight` and that detector's settings."""
    combine: Combine | None = None
    """How the detectors' scores become one: mean, max or quorum; default: the ensemble's, mean."""
    quorum: Annotated[float, Gt(0), Le(1)] | None = None
    """With `combine: quorum`: share of the voting weight that has to agree; default: a half."""
    timezone: TimeZone = None
    """Whose days and weeks the series follow, such as Europe/Berlin; default: UTC."""
    threshold: Annotated[float, Gt(0), Le(1)] = ANOMALOUS
    """Score from which a sample is an anomaly."""
    publish_detector_scores: bool = False
    """Publish `anomaly_detector_score` of every series and detector."""
    unit: Annotated[str, Len(0, 64)] = ""
    """What the values are, such as bytes, ratio or seconds; published for dashboards and alerts."""
    forecast: ForecastConfig | None = None
    """How the series go on; default: nobody asks."""
    drift: DriftConfig | None = None
    """How their recent past is compared with a baseline; default: nobody asks."""
    models: ModelsConfig | None = ModelsConfig()
    """When what was learned is fitted anew, and by what that is judged; null: never."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.range
        if low is not None and high is not None and low >= high:
            raise FieldProblem(("range",), f"found [{low}, {high}]; the first must be lower")
        if {"detectors", "ensemble"} <= self.model_fields_set:
            message = "found beside `detectors`; name a ready ensemble or list your own, not both"
            raise FieldProblem(("ensemble",), message)
        if self.ensemble == "none" and self.forecast is None and self.drift is None:
            message = (
                "found none without a `forecast` or `drift`: nothing would be done; add one of "
                "these, or take another"
            )
            raise FieldProblem(("ensemble",), message)
        if self.quorum is not None and self.combine != "quorum":
            message = f"found {self.quorum:g} without `combine: quorum`; add it, or leave this out"
            raise FieldProblem(("quorum",), message)
        kinds = [detector.name for detector in self.detectors]
        for position, kind in enumerate(kinds):
            if kind in kinds[:position]:
                message = f"found {kind} a second time; list each kind once per query"
                raise FieldProblem(("detectors", position, "kind"), message)
        return self


class Config(StrictModel):
    """The whole file."""

    prometheus: PrometheusConfig = PrometheusConfig()
    """The source of all samples."""
    evaluation_interval: Annotated[Duration, Ge(1)] = 15.0
    """How often every query is evaluated."""
    docs_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    """Where this documentation is published, for a link on the start page."""
    queries: tuple[QueryConfig, ...] = ()
    """What to score."""
    presets: tuple[PresetName, ...] = ()
    """Ready query sets; a query of the same name above replaces the preset's."""
    state: StateConfig = StateConfig()
    """What makes a restart warm."""
    adjustments: AdjustmentsConfig = AdjustmentsConfig()
    """Whether people's verdicts move thresholds."""
    calendars: tuple[CalendarConfig, ...] = ()
    """Special days, by the names that forecasts and maintenance refer to."""
    maintenance: tuple[MaintenanceConfig, ...] = ()
    """Times of some series that nothing is learned from."""
    masks: MasksConfig = MasksConfig()
    """What else is not learned from: incidents and alerts."""
    watched_models: tuple[WatchedModelConfig, ...] = ()
    """Models of your own, whose features, predictions and quality are looked after."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key, entries in (("queries", self.queries), ("calendars", self.calendars)):
            names = [entry.name for entry in entries]
            for position, name in enumerate(names):
                if name in names[:position]:
                    message = f"found {name!r} a second time; names of {key} are unique"
                    raise FieldProblem((key, position, "name"), message)
        for position, query in enumerate(self.queries):
            asked = (
                ("forecast", self._forecast_of),
                ("drift", self._drift_of),
                ("models", self._models_of),
            )
            for key, of in asked:
                try:
                    of(query)
                except FieldProblem as problem:
                    path = ("queries", position, key, *problem.path)
                    raise FieldProblem(path, str(problem)) from None
        queries = {query.name for query in self.queries}
        check_watched(self.watched_models, queries, self.evaluation_interval)
        named = queries.union(*({one.name for one in load_preset(p).queries} for p in self.presets))
        named |= {part.query for model in self.watched_models for part in model.parts()}
        check_maintenance(self.maintenance, named, {one.name for one in self.calendars})
        if not self.queries and not self.presets and not self.watched_models:
            message = "found neither queries nor presets nor watched_models; add at least one"
            raise FieldProblem((), message)
        return self

    def all_queries(self) -> tuple[QueryConfig, ...]:
        """Return the queries and those of the presets, with nothing left to default.

        Step, lookback and grace are filled in and `$__rate_interval` is replaced.
        """
        named = {
            query.name: query for preset in self.presets for query in load_preset(preset).queries
        }
        named.update({query.name: query for query in self.queries})
        named.update(
            {
                part.query: QueryConfig(name=part.query, expr=part.expr, **model.beside())
                for model in self.watched_models
                for part in model.parts()
            }
        )
        return tuple(self._resolve(query) for query in named.values())

    def all_watched_models(self) -> tuple[WatchedModelConfig, ...]:
        """Return the models with nothing left to default, `$__rate_interval` replaced."""
        return tuple(
            resolve_watched(model, self.evaluation_interval).with_exprs(
                lambda expr, step: expr.replace(RATE_INTERVAL, self._rate_interval(step))
            )
            for model in self.watched_models
        )

    def _forecast_of(self, query: QueryConfig) -> ForecastConfig | None:
        if query.forecast is None:
            return None
        known = [calendar.name for calendar in self.calendars]
        for position, name in enumerate(query.forecast.calendars):
            if name not in known:
                names = ", ".join(known) or "none, since `calendars` is empty"
                message = f"found {name!r}, which is no calendar; allowed: {names}"
                raise FieldProblem(("calendars", position), message)
        forecast = resolve(query.forecast, query.step or self.evaluation_interval)
        updates: dict[str, object] = {
            "direction": forecast.direction or ("down" if query.direction == "down" else "up")
        }
        if isinstance(forecast.limit, str):
            updates["limit"] = forecast.limit.replace(
                RATE_INTERVAL, self._rate_interval(query.step)
            )
        return forecast.model_copy(update=updates)

    def _drift_of(self, query: QueryConfig) -> DriftConfig | None:
        if query.drift is None:
            return None
        return resolve_drift(query.drift, query.step or self.evaluation_interval)

    def _models_of(self, query: QueryConfig) -> ModelsConfig | None:
        if query.models is None or query.ensemble == "none":
            return None
        return resolve_models(query.models, query.step or self.evaluation_interval)

    def _rate_interval(self, step: float | None) -> str:
        step = step or self.evaluation_interval
        scrape = self.prometheus.scrape_interval
        return format_duration(max(4 * scrape, scrape + step))

    def _resolve(self, query: QueryConfig) -> QueryConfig:
        step = query.step or self.evaluation_interval
        own = Ensemble(detectors=query.detectors)
        ensemble = own
        if query.ensemble != "none" and not query.detectors:
            ensemble = named_ensemble(query.ensemble)
        detectors, combination = ensemble.detectors, ensemble.combination
        if query.combine is not None:
            share = combination.quorum if query.quorum is None else query.quorum
            combination = Combination(kind=query.combine, quorum=share)
        memory = 2 * step * max((detector.memory for detector in detectors), default=0)
        memory = min(memory, LONGEST_LOOKBACK, MOST_COLUMNS * step)
        return query.model_copy(
            update={
                "detectors": detectors,
                "combine": combination.kind,
                "quorum": combination.quorum,
                "expr": query.expr.replace(RATE_INTERVAL, self._rate_interval(query.step)),
                "forecast": self._forecast_of(query),
                "drift": self._drift_of(query),
                "models": self._models_of(query),
                "step": step,
                "lookback": max(query.lookback or memory, step),
                "grace": 2 * step if query.grace is None else query.grace,
            }
        )


class Preset(StrictModel):
    """A ready query set."""

    queries: tuple[QueryConfig, ...]


def load_preset(name: PresetName) -> Preset:
    """Return a preset of this package."""
    text = (resources.files("exporter") / "presets" / f"{name}.yml").read_text(encoding="utf-8")
    return load_model(text, f"presets/{name}.yml", Preset)


def parse_config(text: str, source: str) -> Config:
    """Read a configuration.

    Raises
    ------
    ConfigError
        With all problems, each with file and line.
    """
    try:
        return load_model(text, source, Config)
    except ConfigProblems as error:
        raise ConfigError(error.problems) from error


def milliseconds(seconds: float | None) -> int:
    """Return whole milliseconds, the unit of every timestamp and step inside."""
    return round((seconds or 0.0) * 1000)
