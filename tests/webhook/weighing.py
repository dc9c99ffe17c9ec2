"""Judged incidents of which it is known what detectors said, as many as a test needs."""

from collections.abc import Mapping

from sqlalchemy import Connection

from tests.webhook.deliveries import NOW
from tests.webhook.judging import judged
from webhook.adapters.observations import put_observation
from webhook.adapters.store import Store
from webhook.core.observation import Observation
from webhook.core.verdicts import Verdict

LATENCY = {"query": "latency", "instance": ""}


async def weighed(
    store: Store,
    verdict: Verdict | None,
    count: int,
    peaks: Mapping[str, float],
    at: float = NOW,
    peak: float = 0.8,
    labels: dict[str, str] | None = None,
) -> list[int]:
    """Store incidents that were all alike, with what detectors said; return their numbers."""
    numbers = await judged(store, verdict, count, at, labels=labels or LATENCY)

    def write(connection: Connection) -> None:
        for i, number in enumerate(numbers):
            seen = at + i * 600.0 + 900.0
            put_observation(connection, observation(number, seen, peak, peaks))

    await store.write(write)
    return numbers


def observation(
    incident: int, at: float, peak: float, peaks: Mapping[str, float], threshold: float = 0.6
) -> Observation:
    return Observation(
        incident=incident,
        observed_at=at,
        began_at=at - 900.0,
        peak_score=peak,
        threshold=threshold,
        detectors=dict(peaks),
        series={},
        course=None,
        is_complete=True,
    )
