"""How are kernels compiled before somebody waits for them?

Once per version of this package: the machine code is kept, see `exporter.core.kernels`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import replace
from typing import Final

import numpy as np

from exporter.core.pieces import one_by_one
from exporter.core.ring import Ring
from exporter.core.series import SeriesBatch
from exporter.core.spans import Special, merged
from exporter.detectors.base import Detector
from exporter.drift.baselines import cohort_of, retaken
from exporter.drift.check import check
from exporter.drift.plan import DriftPlan
from exporter.ensembles import named_ensemble
from exporter.forecasters import ALL
from exporter.forecasters.auto import MEMBERS, Auto
from exporter.forecasters.base import Forecaster
from exporter.forecasters.outlook import cycle_of, look_ahead
from exporter.forecasters.outlookstate import unseen
from exporter.forecasters.plan import CapacityPlan, ForecastPlan
from exporter.judge import Policy
from exporter.pipeline import advance, cold_state
from exporter.plan import Plan
from exporter.settings.drift import DriftConfig
from promkit.clock import Clock

log = logging.getLogger(__name__)

WORTH_SAYING: Final = 1.0
"""Seconds of compiling after which the log says what is going on."""

_STEP = 60_000
_HOUR = 3_600_000
_PAST = 64


async def follow(work: Future[None], clock: Clock, what: str, waiting: str) -> None:
    """Wait for compiling to end, and let the log tell of it if it takes long.

    what : is compiled
    waiting : those who begin after it
    """
    began = clock.monotonic()
    running = asyncio.wrap_future(work)
    done, _ = await asyncio.wait([running], timeout=WORTH_SAYING)
    if not done:
        log.info(f"compiling the {what}, once per version; {waiting} begin after it")
        await asyncio.wait([running])
    if error := work.exception():  # each of those who waited will say which one it is
        log.error(f"compiling the {what} failed", exc_info=error)
    if not done:
        log.info(f"compiled the {what}", extra={"seconds": round(clock.monotonic() - began, 1)})


def compile_kernels(plans: Iterable[Plan]) -> None:
    """Run every detector of the plans once on a few samples, and what remembers anomalies."""
    everything_is_odd = Policy(high=-1.0)
    done: list[tuple[Detector, ...]] = []
    for plan in plans:
        if plan.detectors in done:
            continue
        done.append(plan.detectors)
        odd = replace(plan, policy=everything_is_odd)
        state, _ = advance(odd, cold_state(odd), _batch(0, _PAST))
        advance(odd, state, _batch(_PAST, 1))


def _batch(first: int, columns: int, step: int = _STEP) -> SeriesBatch:
    times = np.arange(first, first + columns, dtype=np.int64) * step
    values = np.array([[0.0], [1.0]]) + (times % 7).astype(np.float64)
    return SeriesBatch((b'{"row":"0"}', b'{"row":"1"}'), times, values, step)


def go_on() -> bool:
    """Tell that nothing is to be stopped."""
    return False


def compile_forecasters(
    plans: Iterable[ForecastPlan], is_stopped: Callable[[], bool] = go_on
) -> None:
    """Run a cycle of every forecaster of the plans on a few samples.

    is_stopped : asked before each, and each member of `auto`, which take seconds
    """
    done: list[Forecaster] = []
    for plan in plans:
        # The simplest first: what all share is then not compiled together with the dearest.
        parts = MEMBERS[::-1] if isinstance(plan.forecaster, Auto) else ()
        for forecaster in (*parts, plan.forecaster):
            if is_stopped():
                return
            if forecaster not in done:
                done.append(forecaster)
                _forecast(replace(plan, forecaster=forecaster))


def _forecast(plan: ForecastPlan) -> None:
    few = replace(
        plan,
        step=_HOUR,
        stride=1,
        columns=4 * 24,
        horizon=4,
        leads={"1h": 1},
        capacity=CapacityPlan(columns=4 * 24),
    )
    ring = few.blank_ring()
    batch = _batch(0, 4 * 24, _HOUR)
    ring.append(batch)
    rows = np.arange(len(batch.keys))
    cycle = cycle_of(few, ring, int(batch.times[-2]), _last_hour)
    look_ahead(cycle, rows, np.full(len(rows), 9.0), unseen(len(rows), 1))


def _last_hour(start: int, end: int) -> Special:
    return Special(merged([(end - _HOUR, end)]))


def compile_drift_tests(plans: Iterable[DriftPlan], is_stopped: Callable[[], bool] = go_on) -> None:
    """Run a check with each of the plans' tests on a few samples.

    is_stopped : asked before each
    """
    tests = {test.name: test for plan in plans for test in plan.tests}
    if not tests:
        return
    day = 86_400_000 // _STEP
    few = DriftPlan(
        query="none", tests=tuple(tests.values()), step=_STEP, reference=day, window=_PAST
    )
    ring = Ring(_STEP, few.reference)
    ring.append(_batch(0, ring.columns))
    if cohort := cohort_of(ring, few, 1):
        baseline = retaken(None, cohort, few, 0, "first run")
        for test in few.tests:
            if is_stopped():
                return
            check(replace(few, tests=(test,)), ring, baseline, one_by_one)


def compile_defaults() -> None:
    """Compile the default ensemble, all forecasters and the default drift tests.

    As is done while an image is built.
    """
    detectors = named_ensemble("default").detectors
    policy = Policy()
    plan = Plan(query="none", detectors=detectors, policy=policy, grace=0, missing_for=0)
    compile_kernels([plan])
    forecasters = (kind() for kind in ALL)
    compile_forecasters(
        ForecastPlan(
            query="none", forecaster=one, step=_HOUR, stride=1, columns=2, horizon=1, leads={}
        )
        for one in forecasters
    )
    tests = DriftConfig().tests
    compile_drift_tests([DriftPlan(query="none", tests=tests, step=_STEP, reference=1, window=1)])


if __name__ == "__main__":
    compile_defaults()
