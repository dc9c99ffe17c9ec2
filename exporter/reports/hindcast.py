"""How do the forecasts of a backtest read on a terminal, and which are worth a picture?"""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec
import numpy as np

from exporter.adapters.forecastplots import Course, Lead
from exporter.core.series import Floats
from exporter.hindcast import Hindcast, Prediction
from exporter.settings.forecast import in_words
from promkit.durations import format_duration

MOST_LINES: Final = 20
"""Predictions of a query that are told of one by one."""

MOST_COURSES: Final = 4
"""Series of a query that are drawn."""


def format_hindcast(done: Hindcast) -> str:
    """Return how good the forecasts of a query were, as text."""
    return "\n".join(_lines(done))


def _lines(done: Hindcast) -> Iterator[str]:
    yield f"forecasts of {done.plan.query}: {in_words(done.forecast)}"
    if not done.cycles or not done.last.keys:
        yield "  no series"
        return
    yield f"  {_extent(done)}"
    gauges = done.last.gauges
    error = gauges["anomaly_forecast_error_ratio"]
    judged = np.flatnonzero(~np.isnan(error))
    if len(judged):
        worst = int(judged[error[judged].argmax()])
        yield (
            f"  error: {np.median(error[judged]):.2f} of seasonal naive's, median of "
            f"{len(judged)} series; the worst {error[worst]:.2f}, "
            f"{_series(done.last.keys[worst])}"
        )
        yield f"  bias: {_median(gauges['anomaly_forecast_bias_ratio']):+.2f} of naive's error"
    else:
        yield "  error: cannot be told, too few forecasts became due"
    kept = gauges["anomaly_forecast_coverage_ratio"]
    if not np.isnan(kept).all():
        yield f"  band: {done.plan.coverage:.1%} said, {np.nanmean(kept):.1%} kept"
    replaced = int(gauges["anomaly_forecast_replaced"].sum())
    yield (
        f"  replaced by seasonal naive: {replaced} series at the end, "
        f"{_times(done.replacements)} on the way"
    )
    if done.failures:
        yield f"  the forecaster failed in {done.failures} cycles"
    if done.forecast.limit is not None:
        yield from _breaches(done)


def _extent(done: Hindcast) -> str:
    text = f"{len(done.cycles)} cycles, {len(done.last.keys)} series"
    configured = done.forecast.interval or 0.0
    if done.interval < 2 * configured:
        return text
    return (
        f"{text}; one every {format_duration(done.interval)} rather than every "
        f"{format_duration(configured)}, which would have taken too long: see --forecast-time"
    )


def _breaches(done: Hindcast) -> Iterator[str]:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in done.counts.items())
    yield f"  breaches: {counts}"
    if len(done.lead_seconds):
        shown = [_span(np.quantile(done.lead_seconds, share)) for share in (0.0, 0.5, 1.0)]
        yield f"  first predicted {shown[1]} before (median; {shown[0]} to {shown[2]})"
    for prediction in done.predictions[:MOST_LINES]:
        yield f"    {_prediction(prediction)}"
    if (more := len(done.predictions) - MOST_LINES) > 0:
        yield f"    and {more} more predictions"


def _prediction(one: Prediction) -> str:
    if math.isnan(one.until):
        end = "still open"
    elif one.is_true:
        end = f"crossed by {_clock(one.until)}"
    else:
        end = f"given up at {_clock(one.until)}"
    interval = f"{_clock(one.earliest)} to {_clock(one.latest)}"
    return (
        f"{_clock(one.at)}: {_series(one.key)} crosses it at {_clock(one.timestamp)} "
        f"({interval}), probability {one.probability:.2f}: {end}"
    )


def courses_of(done: Hindcast, start: float) -> list[Course]:
    """Return what is worth a picture, the most interesting series first.

    That are those whose breaches were predicted, then those whose breach was most likely; without
    a limit those with the greatest error beside seasonal naive's.

    start : unix seconds from which on samples are drawn
    """
    if not done.cycles:
        return []
    predicted = [one.key for one in done.predictions]
    interest: dict[bytes, float] = {}
    gauge = "anomaly_forecast_error_ratio"
    if done.forecast.limit is not None:
        gauge = "anomaly_forecast_breach_probability"
    for _, outlook in done.cycles:
        for key, value in zip(outlook.keys, outlook.gauges[gauge].tolist(), strict=True):
            if value >= interest.get(key, -math.inf):
                interest[key] = value
    likely = sorted(interest, key=lambda key: -interest[key])
    keys = list(dict.fromkeys([*predicted, *likely]))[:MOST_COURSES]
    return [_course(done, key, start) for key in keys]


def _course(done: Hindcast, key: bytes, start: float) -> Course:
    history = done.history
    is_shown = history.times >= start * 1000
    values = history.values[history.keys.index(key)]
    leads = {}
    for name, columns in done.plan.leads.items():
        ahead = columns * done.plan.step / 1000
        when, told = _followed(done, key, {"value", "lower_bound", "upper_bound"}, name)
        leads[name] = Lead(when + ahead, told["value"], told["lower_bound"], told["upper_bound"])
    cycles, found = _followed(done, key, {"limit"}, None)
    return Course(
        title=f"{done.plan.query} {_series(key)}",
        times=history.times[is_shown] / 1000,
        values=values[is_shown],
        leads=leads,
        limit=(cycles, found["limit"]) if "limit" in found else None,
        predictions=tuple((one.at, one.timestamp) for one in done.predictions if one.key == key),
    )


def _followed(
    done: Hindcast, key: bytes, names: set[str], lead: str | None
) -> tuple[Floats, dict[str, Floats]]:
    """Return when a series was forecast, unix seconds, and some gauges of it."""
    when: list[float] = []
    found: dict[str, list[float]] = {}
    for now, outlook in done.cycles:
        gauges: Mapping[str, Floats] = outlook.gauges if lead is None else outlook.leads[lead]
        if key not in outlook.keys:
            continue
        row = outlook.keys.index(key)
        when.append(now / 1000)
        for name in names:
            if (gauge := f"anomaly_forecast_{name}") in gauges:
                found.setdefault(name, []).append(float(gauges[gauge][row]))
    return np.array(when), {name: np.array(values) for name, values in found.items()}


def _median(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan


def _series(key: bytes) -> str:
    labels = msgspec.json.decode(key, type=dict[str, str])
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _span(seconds: float) -> str:
    """Return a duration to the minute, or to the second below one."""
    rounded = round(seconds / 60) * 60 if seconds >= 60 else round(seconds)
    return format_duration(rounded)


def _clock(instant: float) -> str:
    if not math.isfinite(instant):
        return "never" if instant > 0 else "?"
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M:%S")
