"""Why is a series anomalous, in words, and has it been so before?"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal

import numpy as np

from exporter.core.scores import MAX_SIGMAS
from exporter.core.series import NEVER, Floats, Ints
from exporter.ensemble import contributions
from exporter.episodes import Episodes, are_anomalous, episodes_of
from exporter.pipeline import QueryState, age_of
from exporter.plan import Plan

WEEK: Final = 7 * 86_400.0
DAY: Final = 86_400.0

SAME_SIZE: Final = 3.0
"""Two deviations that differ by no more than this factor are of one size."""

SAME_TIME: Final = 1800.0
"""Seconds around one time of day that count as always the same time."""

_SUFFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An earlier anomaly of a series that looked like the one now.

    Parameters
    ----------
    start : unix seconds
    duration : seconds from the first to the last anomalous sample
    sigmas : of the sample farthest off, signed; NaN without a band
    """

    start: float
    duration: float
    sigmas: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A series that is anomalous now, and why.

    Parameters
    ----------
    query, labels : which
    since : unix seconds of the first anomalous sample
    score, threshold, level : as published
    value, expected, lower, upper : in the unit of the series; NaN where there is no band
    sigmas : signed distance from `expected`; NaN likewise
    direction : the side of the expected value; None without one
    contributions : detector -> its share of the score; nobody when the value is impossible
    weight_ratios : detector -> what people's verdicts multiply its weight by, of those moved
    reason : all of it in one line
    occurrences : earlier anomalies of the series that looked the same, the newest first
    """

    query: str
    labels: Mapping[str, str]
    since: float
    score: float
    threshold: float
    level: float
    value: float
    expected: float
    lower: float
    upper: float
    sigmas: float
    direction: Literal["up", "down"] | None
    contributions: Mapping[str, float]
    weight_ratios: Mapping[str, float]
    reason: str
    occurrences: tuple[Occurrence, ...]


def anomalous_rows(plan: Plan, state: QueryState) -> Ints:
    """Return the rows of the series that are there and anomalous now, the highest score first."""
    rows = np.flatnonzero(are_anomalous(state.latest) & (age_of(state) <= plan.grace))
    sigmas = np.abs(np.nan_to_num(state.latest["anomaly_deviation_sigmas"][rows]))
    order = np.lexsort((-sigmas, -state.latest["anomaly_score"][rows]))
    result: Ints = rows[order]
    return result


def explain(plan: Plan, state: QueryState, rows: Ints) -> list[Explanation]:
    """Return why the series at `rows`, from `anomalous_rows`, are anomalous.

    plan : with the weights in force
    """
    latest = state.latest
    votes = np.array([latest[f"detector:{one.name}"][rows] for one in plan.detectors])
    shares = shares_of(plan, votes)
    episodes = episodes_of(latest)
    found = []
    for place, row in enumerate(rows.tolist()):
        value, expected, lower, upper, sigmas = (
            float(latest[f"anomaly_{name}"][row])
            for name in ("value", "expected_value", "lower_bound", "upper_bound",
                         "deviation_sigmas")
        )  # fmt: skip
        is_possible = plan.policy.low <= value <= plan.policy.high
        parts = shares[place] if is_possible else {}
        past = _like_the_newest(episodes, row)
        since = float(episodes.start[row, 0]) / 1000
        reason = reason_of(value, lower, upper, sigmas, shares=parts, plan=plan)
        if again := _again([since, *(one.start for one in past)], plan.zone):
            reason = f"{reason}; {again}"
        found.append(
            Explanation(
                query=plan.query,
                labels=labels_of(state.keys[row]),
                since=since,
                score=float(latest["anomaly_score"][row]),
                threshold=float(latest["anomaly_threshold"][row]),
                level=float(latest["anomaly_level"][row]),
                value=value,
                expected=expected,
                lower=lower,
                upper=upper,
                sigmas=sigmas,
                direction=_direction(value - expected),
                contributions=parts,
                weight_ratios=dict(plan.ratios),
                reason=reason,
                occurrences=past,
            )
        )
    return found


def labels_of(key: bytes) -> dict[str, str]:
    """Return a series' labels, with a question mark for what is no text."""
    text = json.dumps(json.loads(key.decode(errors="replace"), strict=False), ensure_ascii=False)
    labels: dict[str, str] = json.loads(text.encode(errors="replace"))
    return labels


def shares_of(plan: Plan, votes: Floats) -> list[dict[str, float]]:
    """Return detector -> share of the score, greatest first, for each of the samples.

    votes : the scores [D, N] of the plan's detectors
    """
    names = [detector.name for detector in plan.detectors]
    return [
        {
            names[which]: round(float(column[which]), 3)
            for which in np.argsort(-column, kind="stable").tolist()
            if column[which] >= 0.0005
        }
        for column in contributions(votes, plan.weights, plan.combination).T
    ]


def reason_of(
    value: float,
    lower: float,
    upper: float,
    sigmas: float,
    *,
    shares: Mapping[str, float],
    plan: Plan,
) -> str:
    """Return in one line what is odd about a sample and who says so, with the weights in force."""
    moved = (name for name in plan.ratios if shares and name not in shares)
    said = ", ".join(_voice(name, shares.get(name, 0.0), plan) for name in (*shares, *moved))
    policy = plan.policy
    far = f"{abs(sigmas):.3g}" if abs(sigmas) < MAX_SIGMAS else f"{MAX_SIGMAS:.0f} or more"
    number = short(value)
    if value > policy.high:
        return f"{number} is above {short(policy.high)}, the highest possible value"
    if value < policy.low:
        return f"{number} is below {short(policy.low)}, the lowest possible value"
    if math.isnan(lower) or math.isnan(upper):
        what = f"{number} is unusual for this series"
    else:
        band = f"the band {short(lower)} to {short(upper)} ({far} sigmas)"
        if value > upper:
            what = f"{number} is above {band}"
        elif value < lower:
            what = f"{number} is below {band}"
        else:
            what = f"{number} is unusual though within {band}"
    return f"{what}; {said}" if said else what


def _voice(name: str, share: float, plan: Plan) -> str:
    """Return "mad 70 %", and what it weighs if verdicts have moved that."""
    said = f"{name} {share:.0%}".replace("%", " %")
    ratio = plan.ratios.get(name)
    if ratio is None:
        return said
    (weight,) = (one.weight for one in plan.detectors if one.name == name)
    way = "lowered" if ratio < 1.0 else "raised"
    return f"{said} (weight {way} to {short(weight * ratio)} by verdicts)"


def short(number: float) -> str:
    """Return a number in four digits, from a thousand on with a suffix: 1.234k, 12.5G."""
    for size, suffix in _SUFFIXES:
        if size <= abs(number) < math.inf:
            return f"{number / size:.4g}{suffix}"
    return f"{number:.4g}"


def _direction(distance: float) -> Literal["up", "down"] | None:
    if math.isnan(distance):
        return None
    return "up" if distance >= 0 else "down"


def _like_the_newest(episodes: Episodes, row: int) -> tuple[Occurrence, ...]:
    """Return the earlier anomalies with the direction, the size and a detector of the newest."""
    start, end, sigmas, voters = (array[row] for array in episodes)
    past = []
    for place in range(1, len(start)):
        if start[place] == NEVER:
            break
        is_alike = voters[place] & voters[0] or voters[place] == voters[0]
        if is_alike and _are_alike(float(sigmas[0]), float(sigmas[place])):
            duration = float(end[place] - start[place]) / 1000
            past.append(Occurrence(float(start[place]) / 1000, duration, float(sigmas[place])))
    return tuple(past)


def _are_alike(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    smaller, greater = sorted((abs(one), abs(other)))
    return one * other >= 0 and greater <= SAME_SIZE * max(smaller, 1.0)


def _again(starts: Sequence[float], zone: tzinfo | None) -> str:
    """Return "3rd time in 7 days, always about 02:00" for anomalies that began at `starts`."""
    recent = [start for start in starts if start > starts[0] - WEEK]
    clock = zone or UTC
    if len(recent) == 1:
        if len(starts) == 1:
            return ""
        last = datetime.fromtimestamp(starts[1], clock)
        return f"as on {last:%Y-%m-%d %H:%M}"
    always = _time_of_day(recent, clock) if len(recent) > 2 else ""
    return f"{_ordinal(len(recent))} time in 7 days{always}"


def _time_of_day(starts: Sequence[float], clock: tzinfo) -> str:
    """Return ", always about 02:00" if all began at one time of day."""
    moments = [datetime.fromtimestamp(start, clock) for start in starts]
    seconds = np.array([one.hour * 3600 + one.minute * 60 + one.second for one in moments])
    angle = np.angle(np.exp(2j * np.pi * seconds / DAY).mean())  # midnight is in the middle
    middle = float(angle) / (2 * np.pi) * DAY
    apart = np.abs((seconds - middle + DAY / 2) % DAY - DAY / 2)
    if apart.max() > SAME_TIME:
        return ""
    minutes = round(middle / 300) * 5 % 1440
    return f", always about {minutes // 60:02d}:{minutes % 60:02d}"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number, "th")
    return f"{number}{ending}"
