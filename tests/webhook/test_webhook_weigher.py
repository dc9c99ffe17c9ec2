"""Twenty verdicts weigh detectors anew: once, within bounds, where nothing real is lost."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import select

from promkit.clock import ManualClock
from tests.webhook.adapters.storing import rows
from tests.webhook.judging import judged, say
from tests.webhook.knownprometheus import KnownPrometheus
from tests.webhook.weighing import LATENCY, weighed
from webhook.adapters.database import Database
from webhook.adapters.schema import audit, incidents, weights
from webhook.adapters.store import Store, open_store
from webhook.adapters.thresholds import set_ratio
from webhook.adapters.weights import (
    WeightRefused,
    reset_weights,
    set_weights,
    undo_weights,
    undone_weights,
)
from webhook.config import WebhookConfig
from webhook.settings.sources import SourceConfig
from webhook.settings.tuning import TuningConfig
from webhook.tuner import Tuner

# Of the ensemble mad 0.4, zscore 0.4, ewma 0.2: what cries wolf, and what is right.
WOLF = {"mad": 0.3, "zscore": 0.9, "ewma": 0.7}
REAL = {"mad": 0.95, "zscore": 0.9, "ewma": 0.2}
HOUR, DAY = 3600.0, 86_400.0


@dataclass
class Scale:
    """A tuner over a store and a Prometheus that knows the ensemble of one query."""

    store: Store
    clock: ManualClock
    config: WebhookConfig

    def __post_init__(self) -> None:
        self.registry = CollectorRegistry()
        self.tuner = Tuner(self.store, self.clock, self.registry, lambda: self.config)

    async def told(self, incident: int) -> str:
        statement = select(incidents).where(incidents.c.id == incident)
        row = await self.store.read(lambda connection: connection.execute(statement).one())
        return await self.tuner.told(row)

    async def ratios(self) -> dict[str, float]:
        return {row.detector: row.ratio for row in await rows(self.store, weights)}

    async def history(self) -> list[Any]:
        found = await rows(self.store, audit)
        return [row for row in found if row.action.startswith("weight_")]

    def page(self) -> str:
        return generate_latest(self.registry).decode()

    async def twenty(self, at: float | None = None) -> list[int]:
        """Judge ten real incidents and ten that only the wolf saw."""
        at = self.clock.now() - 2 * DAY if at is None else at
        real = await weighed(self.store, "confirmed", 10, REAL, at)
        return real + await weighed(self.store, "false_alarm", 10, WOLF, at + HOUR)


@pytest.fixture
def store(any_database: Database) -> Iterator[Store]:
    with open_store(any_database) as opened:
        yield opened


@pytest.fixture
def scale(store: Store, known: KnownPrometheus) -> Iterator[Scale]:
    config = WebhookConfig(prometheus=SourceConfig(url=known.url))
    made = Scale(store, ManualClock(known.at + 600), config)
    yield made
    made.tuner.close()


async def test_twenty_verdicts_move_weights_once(scale: Scale) -> None:
    await scale.twenty()
    taken_back = await weighed(scale.store, None, 1, WOLF, scale.clock.now() - DAY)
    said = await asyncio.gather(*(scale.told(taken_back[0]) for _ in range(20)))

    # Right in 10 of 10, 10 of 20 and 0 of 10, drawn towards 0.5: 2/3, 1/2, 1/3; the mean is 8/15.
    assert await scale.ratios() == {"ewma": 0.9, "mad": 1.1, "zscore": 0.9375}
    (change,) = await scale.history()
    assert (change.action, change.actor, change.subject) == ("weight_lowered", "tuning", "latency")
    words = "the detectors' weights, times what is configured: ewma 1 -> 0.9, mad 1 -> 1.1, "
    assert change.detail.startswith(f"{words}zscore 1 -> 0.9375: 10 real and 10 false alarms of 90")
    assert sum(change.detail in each for each in said) == 1
    assert change.after["evidence"]["detectors"]["mad"] == {
        "real": 10,
        "false_alarms": 0,
        "precision": 0.6667,
    }
    assert change.after["ensemble"]["weights"] == {"ewma": 0.2, "mad": 0.4, "zscore": 0.4}
    await scale.tuner.run()
    assert len(await scale.history()) == 1
    page = scale.page()
    assert 'anomaly_detector_weight_ratio{detector="mad",query="latency"} 1.1' in page
    assert 'anomaly_webhook_weight_changes_total{reason="verdicts"} 1.0' in page


async def test_of_two_replicas_one_is_faster(scale: Scale) -> None:
    other = Scale(scale.store, scale.clock, scale.config)
    await scale.twenty()
    await asyncio.gather(*(each.tuner.run() for each in (scale, other) for _ in range(3)))
    other.tuner.close()
    assert await scale.ratios() == {"ewma": 0.9, "mad": 1.1, "zscore": 0.9375}
    assert len(await scale.history()) == 1


async def test_an_undone_change_is_not_made_again(scale: Scale) -> None:
    twenty = await scale.twenty()
    await scale.tuner.run()
    (change,) = await scale.history()
    await scale.clock.advance(HOUR)

    def take_back(number: int) -> Any:
        now = scale.clock.now()
        return scale.store.write(lambda c: undo_weights(c, number, "ben", "too deaf", now))

    undone = await take_back(change.id)
    scale.tuner.weigher.changed(undone)
    await scale.clock.advance(HOUR)
    for i, incident in enumerate(twenty[:19]):  # other verdicts on the same are new, but not enough
        await say(scale.store, incident, "false_alarm", scale.clock.now())
        await scale.clock.advance(7 * DAY if i == 6 else 1)
    await scale.tuner.run()

    assert await scale.ratios() == {"ewma": 1.0, "mad": 1.0, "zscore": 1.0}
    assert 'anomaly_detector_weight_ratio{detector="mad",query="latency"} 1.0' in scale.page()
    assert await scale.store.read(undone_weights) == {change.id}
    for number, problem in (
        (change.id, f"undone already, by change {undone.id}"),
        (undone.id, "changed nothing by itself"),
        (999, "there is no change 999 of weights"),
    ):
        with pytest.raises(WeightRefused, match=problem):
            await take_back(number)


async def test_what_is_real_and_seen_by_the_wolf_alone_is_not_lost(scale: Scale) -> None:
    await scale.twenty()
    now = scale.clock.now()
    (only,) = await weighed(scale.store, "confirmed", 1, WOLF, now - 2 * DAY, peak=0.605)
    assert "weights" not in await scale.told(only)

    (proposal,) = await scale.history()
    assert proposal.action == "weight_proposed"
    assert proposal.after["replay"] == {"alarms": 21, "gone": [only], "lost": [only], "unknown": []}
    assert await scale.ratios() == {}
    assert 'anomaly_webhook_weight_proposals_total{reason="verdicts"} 1.0' in scale.page()
    # Who wants that all the same may have it.
    brave = TuningConfig(apply_losses=True)
    scale.config = scale.config.model_copy(update={"tuning": brave})
    await scale.clock.advance(DAY / 2)
    await scale.twenty(now + HOUR)
    await scale.tuner.weigher.run()
    _, change = await scale.history()
    assert (change.action, change.after["replay"]["lost"]) == ("weight_lowered", [only])


async def test_what_nobody_has_seen_of_a_confirmed_one_counts_against_it(scale: Scale) -> None:
    await scale.twenty()
    now = scale.clock.now()
    (old,) = await judged(scale.store, "confirmed", 1, now - 3 * HOUR, labels=LATENCY)
    (young,) = await judged(scale.store, "confirmed", 1, now - 60, labels=LATENCY)
    await scale.tuner.run()
    assert await scale.history() == []  # somebody will have looked at the young one soon

    await scale.clock.advance(900)
    await scale.tuner.run()
    (proposal,) = await scale.history()
    assert proposal.after["replay"]["unknown"] == [old, young]
    assert "2 confirmed without samples" in proposal.detail


async def test_a_threshold_that_was_raised_since_counts_as_it_is(scale: Scale) -> None:
    await scale.twenty()
    now = scale.clock.now()
    (close,) = await weighed(scale.store, "confirmed", 1, WOLF, now - 2 * DAY, peak=0.7)
    # At 0.6 it would still come with the new weights, at 0.69 it would not.
    await scale.store.write(lambda c: set_ratio(c, "latency", {}, 1.15, "ana", "", now - DAY))
    await scale.tuner.run()
    (proposal,) = await scale.history()
    assert proposal.after["replay"]["lost"] == [close]


async def test_without_a_word_on_the_ensemble_it_is_proposed(scale: Scale) -> None:
    labels = {"query": "disk", "instance": ""}
    at = scale.clock.now() - DAY
    await weighed(scale.store, "confirmed", 10, REAL, at, labels=labels)
    await weighed(scale.store, "false_alarm", 10, WOLF, at + HOUR, labels=labels)
    await scale.tuner.run()
    (proposal,) = await scale.history()
    assert proposal.action == "weight_proposed"
    assert "Prometheus does not say how the query's detectors are combined" in proposal.detail


async def test_without_an_answer_it_waits(scale: Scale, known: KnownPrometheus) -> None:
    twenty = await scale.twenty()
    scale.config = WebhookConfig(prometheus=SourceConfig(url="http://127.0.0.1:9"))
    await scale.tuner.run()
    await scale.told(twenty[-1])
    assert await scale.history() == []
    scale.config = WebhookConfig(prometheus=SourceConfig(url=known.url))
    await scale.tuner.run()
    assert [row.action for row in await scale.history()] == ["weight_lowered"]


@pytest.mark.parametrize("tuning", [TuningConfig(weights=False), TuningConfig(enabled=False)])
async def test_it_can_be_switched_off(scale: Scale, tuning: TuningConfig) -> None:
    twenty = await scale.twenty()
    scale.config = scale.config.model_copy(update={"tuning": tuning})
    await scale.told(twenty[-1])
    await scale.tuner.run()
    assert await scale.history() == []


async def test_detectors_that_are_alike_keep_their_weights(scale: Scale) -> None:
    at = scale.clock.now() - DAY
    await weighed(scale.store, "confirmed", 10, dict.fromkeys(WOLF, 0.9), at)
    await weighed(scale.store, "false_alarm", 10, dict.fromkeys(WOLF, 0.9), at + HOUR)
    for _ in range(2):
        await scale.tuner.run()
    (kept,) = await scale.history()
    assert kept.action == "weight_kept"
    assert kept.detail == (
        "the detectors keep their weights: 10 real and 10 false alarms of 90 days"
    )
    assert 'weight_changes_total{reason="verdicts"} 0.0' in scale.page()


async def test_sundays_make_do_with_five(scale: Scale) -> None:
    await scale.twenty()
    await scale.tuner.run()
    await scale.clock.advance(7 * DAY)
    await weighed(scale.store, "false_alarm", 5, WOLF, scale.clock.now() - HOUR)
    for _ in range(2):
        await scale.tuner.run()
    reasons = [(row.after["reason"], row.action) for row in await scale.history()]
    # Prometheus has forgotten the ensemble: it is told only.
    assert reasons == [("verdicts", "weight_lowered"), ("weekly", "weight_proposed")]


async def test_a_person_may_choose_within_bounds(scale: Scale) -> None:
    now = scale.clock.now()

    async def choose(**ratios: float) -> Any:
        return await scale.store.write(lambda c: set_weights(c, "latency", ratios, "ana", "", now))

    written = await choose(mad=1.5, zscore=1.0)
    assert (written.action, written.before, written.after) == (
        "weight_raised",
        {"mad": 1.0},
        {"mad": 1.5},
    )
    for ratio, problem in ((1.5, "in force already"), (1.6, "of mad is 1.6; allowed: 0.5 to 1.5")):
        with pytest.raises(WeightRefused, match=problem):
            await choose(mad=ratio)
    await scale.store.write(lambda c: reset_weights(c, "latency", "ana", "", now))
    assert await scale.ratios() == {"mad": 1.0}
