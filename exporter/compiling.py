"""How are kernels compiled before somebody waits for them?

Once per version of this package: the machine code is kept, see `exporter.core.kernels`.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from exporter.core.series import SeriesBatch
from exporter.detectors.base import Detector
from exporter.ensembles import named_ensemble
from exporter.judge import Policy
from exporter.pipeline import advance, cold_state
from exporter.plan import Plan

_STEP = 60_000
_PAST = 64


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


def _batch(first: int, columns: int) -> SeriesBatch:
    times = np.arange(first, first + columns, dtype=np.int64) * _STEP
    values = np.array([[0.0], [1.0]]) + (times % 7).astype(np.float64)
    return SeriesBatch((b'{"row":"0"}', b'{"row":"1"}'), times, values, _STEP)


def compile_defaults() -> None:
    """Compile what the default ensemble needs, as is done while an image is built."""
    detectors = named_ensemble("default").detectors
    policy = Policy()
    plan = Plan(query="none", detectors=detectors, policy=policy, grace=0, missing_for=0)
    compile_kernels([plan])


if __name__ == "__main__":
    compile_defaults()
