"""A disk that fills: when that is known, how well, and whether anybody is told in time.

It fills while the alert path is tested, which kills the exporter and what it looks at; run by
itself, this waits for it.
"""

import math
import re
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import fmean

import pytest

from tests.e2e.disk import Disk, Filling
from tests.e2e.receiver import Receiver
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SERIES = '{query="disk_used"}'
SCRAPE = 5.0
"""Seconds between the samples of the disk."""

AGE = SCRAPE + 1.0
"""Seconds by which a sample may be older than the column that it stands in, and so by which no
forecast can be better; with a second for the pauses of the one who writes."""

AGAIN = 200.0
"""Seconds in which it would be full a second time, if nobody made room."""


def told(
    stack: Stack, gauge: str, filling: Filling, after: float = 0.0
) -> list[tuple[float, float]]:
    """Return (when, value) of a gauge about the disk until it was full.

    after : share of the way from the start that is left out
    """
    return meanwhile(stack, f"anomaly_{gauge}{SERIES}", filling, after)


def meanwhile(
    stack: Stack, selector: str, filling: Filling, after: float = 0.0
) -> list[tuple[float, float]]:
    crossed = filling.crossed or math.inf
    start = filling.began + after * (crossed - filling.began)
    found = stack.samples(selector, minutes=20)
    return [(when, value) for when, value in found if start <= when < crossed]


def rise(samples: list[tuple[float, float]]) -> float:
    """Return by how much a counter rose, which starts from 0 again with every new process."""
    steps = pairwise(value for _, value in samples)
    return sum(new - old if new >= old else new for old, new in steps)


def counted(stack: Stack, counter: str) -> float:
    """Return by how much a counter, given with its labels, rose since the exporter first ran."""
    return rise([(0.0, 0.0), *stack.samples(counter, minutes=20)])


def breaches(stack: Stack, outcome: str) -> float:
    labels = f'{{query="disk_used",outcome="{outcome}"}}'
    return counted(stack, "anomaly_exporter_forecast_breaches_total" + labels)


def lead_time(stack: Stack, part: str) -> float:
    return counted(stack, f"anomaly_exporter_forecast_breach_lead_seconds_{part}{SERIES}")


def shown(stack: Stack, gauge: str) -> float | None:
    """Return what the exporter's page says of the disk now."""
    for line in stack.get("exporter", "/metrics").text.splitlines():
        if line.startswith(f"{gauge}{SERIES[:-1]},"):
            return float(line.split()[-1])
    return None


def seconds_left(stack: Stack) -> float | None:
    """Return until when the limit is reached as foretold now: +Inf for never, 0 if it is."""
    when = shown(stack, "anomaly_forecast_breach_timestamp_seconds")
    return None if when is None else max(when - time.time(), 0.0)


@pytest.mark.parametrize("what", ["forecast_breach", "capacity_exhaustion"])
def test_the_time_is_right_within_a_tenth_of_what_is_left(
    what: str,
    stack: Stack,
    filling: Filling,
    crossed: float,
    record_property: Callable[[str, object], None],
) -> None:
    """From half of the way on; but not better than the age that samples have."""
    found = [
        (crossed - when, value - crossed)
        for when, value in told(stack, f"{what}_timestamp_seconds", filling, after=0.5)
    ]
    shown = " ".join(f"{left:.0f}:{off:+.1f}" for left, off in found)
    assert len(found) >= 0.5 * found[0][0] / SCRAPE, shown
    assert all(abs(off) <= max(0.1 * left, AGE) for left, off in found), shown
    record_property(f"{what}, seconds left:wrong", shown)


def test_errors_shrink_and_the_interval_holds_the_truth(
    stack: Stack, filling: Filling, crossed: float
) -> None:
    course = told(stack, "forecast_breach_timestamp_seconds", filling)
    off = [abs(value - crossed) for _, value in course if math.isfinite(value)]
    third = len(off) // 3
    assert fmean(off[-third:]) <= max(fmean(off[:third]), AGE), off
    earliest, latest = (
        dict(told(stack, f"forecast_breach_{end}_timestamp_seconds", filling, after=0.5))
        for end in ("earliest", "latest")
    )
    held = [
        earliest[when] - AGE <= crossed <= latest[when] + AGE
        for when in earliest.keys() & latest.keys()
    ]
    assert fmean(held) >= 0.8, (crossed, earliest, latest)
    probability = told(stack, "forecast_breach_probability", filling, after=0.5)
    assert min(value for _, value in probability) >= 0.9, probability


def test_people_are_told_when_before_it_happens(
    receiver: Receiver, crossed: float, record_property: Callable[[str, object], None]
) -> None:
    fired = [
        one
        for one in receiver.deliveries
        if one.body["alertname"] == "AnomalyBreachPredicted"
        and one.body["labels"].get("query") == "disk_used"
        and one.body["status"] == "firing"
    ]
    assert fired, "nobody was told"
    ahead = crossed - fired[0].at
    record_property("breach_told_seconds_ahead", round(ahead, 1))
    assert ahead > 0, f"told {-ahead:.1f} s too late"
    text = fired[0].body["annotations"]["description"]
    found = re.search(
        r"is expected to cross its limit of [\d.]+ [KMGT]iB in ((\d+)m )?(\d+)s", text
    )
    assert found, text
    said = 60 * int(found[2] or 0) + int(found[3])
    assert abs(said - ahead) <= 0.1 * ahead + 2 * SCRAPE, text


def test_what_came_true_is_counted_with_its_lead_time(
    stack: Stack, filling: Filling, crossed: float
) -> None:
    stack.wait_for("the breach to be counted", lambda: breaches(stack, "materialised") == 1, 30)
    assert [breaches(stack, other) for other in ("averted", "false", "unpredicted")] == [0, 0, 0]
    assert lead_time(stack, "count") == 1
    likely = told(stack, "forecast_breach_probability", filling)
    first = next(when for when, probability in likely if probability >= 0.5)
    # The exporter was killed since (by the alert path), which is not to make the lead shorter.
    assert abs(lead_time(stack, "sum") - (crossed - first)) <= 3 * SCRAPE


@pytest.mark.usefixtures("crossed")
def test_forecasts_delay_no_evaluation(
    stack: Stack, filling: Filling, record_property: Callable[[str, object], None]
) -> None:
    of_another = '{query="runnable_processes"}'

    def rose(name: str, query: str = of_another) -> float:
        return rise(meanwhile(stack, f"anomaly_exporter_{name}{query}", filling))

    assert rose("evaluations_missed_total") == 0
    seconds = rose("evaluation_duration_seconds_sum") / rose("evaluation_duration_seconds_count")
    record_property("mean_evaluation_seconds", round(seconds, 3))
    kind = "forecast_duration_seconds"
    mean = rose(f"{kind}_sum", SERIES) / rose(f"{kind}_count", SERIES)
    record_property("mean_forecast_seconds", round(mean, 3))
    assert seconds < SCRAPE / 5


def test_made_room_is_averted_over_a_death(
    stack: Stack, filling: Filling, crossed: float, disk: Disk, limit: float
) -> None:
    """The exporter is dead while somebody makes room: only what it kept can tell."""
    filling.stop()
    stack.wait_for("no breach to be foretold", lambda: seconds_left(stack) == math.inf, 60)
    with Filling(disk, (limit - disk.used) / AGAIN, limit):
        stack.wait_for("a breach to be foretold", lambda: is_foretold(stack), AGAIN - 40)
        skill = shown(stack, "anomaly_forecast_error_ratio")
        assert skill is not None
        since = time.time() + SCRAPE  # what is being written now may not know of it
        stack.wait_for("the state to be written", lambda: state_of(stack) > since, 20)
        stack.kill("exporter")
    stack.start("exporter")
    stack.wait_until_ready("exporter")
    stack.wait_for(
        "a forecast", lambda: shown(stack, "anomaly_forecast_breach_probability") is not None, 30
    )
    kept = shown(stack, "anomaly_forecast_error_ratio")
    assert kept is not None, "ten forecasts have to come true before there is a new one"
    assert math.isclose(kept, skill, rel_tol=0.3)
    stack.wait_for("what was averted to be counted", lambda: breaches(stack, "averted") == 1, 150)


def is_foretold(stack: Stack) -> bool:
    probability = shown(stack, "anomaly_forecast_breach_probability") or 0.0
    return probability >= 0.5 and 0.0 < (seconds_left(stack) or 0.0) < math.inf


def state_of(stack: Stack) -> float:
    """Return when the exporter last wrote down what it knows, in unix seconds."""
    return (stack.folder / "exporter.state").stat().st_mtime
