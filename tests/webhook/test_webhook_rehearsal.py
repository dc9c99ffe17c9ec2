"""Before a threshold is raised, the alarms of the past are tried with the new one."""

from collections.abc import Iterator

import pytest

from promkit.clock import ManualClock
from tests.webhook.deliveries import NOW
from tests.webhook.judging import SERIES, judged, open_incident, say
from tests.webhook.knownprometheus import ALERT, NEIGHBOUR, KnownPrometheus
from tests.webhook.knownprometheus import SERIES as LATENCY
from tests.webhook.tuning import Tuning
from webhook.adapters.database import Database
from webhook.adapters.store import Store, open_store
from webhook.config import WebhookConfig
from webhook.core.thresholds import DAY
from webhook.settings.sources import SourceConfig
from webhook.settings.tuning import TuningConfig


@pytest.fixture
def store(any_database: Database) -> Iterator[Store]:
    with open_store(any_database) as opened:
        yield opened


@pytest.fixture
def tuning(store: Store) -> Iterator[Tuning]:
    made = Tuning(store, ManualClock(NOW + DAY), WebhookConfig())
    yield made
    made.tuner.close()


@pytest.fixture
def lookback(store: Store, known: KnownPrometheus) -> Iterator[Tuning]:
    config = WebhookConfig(prometheus=SourceConfig(url=known.url))
    made = Tuning(store, ManualClock(known.at + 600), config)
    yield made
    made.tuner.close()


async def test_the_replay_says_what_would_be_gone(lookback: Tuning, known: KnownPrometheus) -> None:
    # The neighbour's scores are far below any threshold: whatever alerted would not have.
    other = {**ALERT, "pod": NEIGHBOUR["pod"]}
    ten = await judged(lookback.store, "false_alarm", 10, known.at - 7200, 100, other)
    said = await lookback.told(ten[0])

    assert "of 10 alarms in 14 days 10 would not have come, 0 of them confirmed" in said
    own = {name: value for name, value in NEIGHBOUR.items() if name != "query"}
    assert await lookback.ratios() == [("latency", own, 1.1)]


async def test_nothing_real_is_lost(lookback: Tuning, known: KnownPrometheus) -> None:
    other = {**ALERT, "pod": NEIGHBOUR["pod"]}
    lost = await open_incident(lookback.store, known.at - 9000, other)
    await say(lookback.store, lost, "confirmed", known.at)
    ten = await judged(lookback.store, "false_alarm", 10, known.at - 7200, 100, other)
    said = await lookback.told(ten[0])

    assert "not applied" in said
    (proposal,) = await lookback.history()
    assert proposal.after["replay"]["lost"] == [lost]
    assert await lookback.ratios() == []


async def test_what_is_far_above_still_comes(lookback: Tuning, known: KnownPrometheus) -> None:
    await judged(lookback.store, "confirmed", 1, known.at - 60, labels=ALERT)
    await judged(lookback.store, "false_alarm", 10, known.at - 7200, 100, ALERT)
    await lookback.tuner.run()

    assert lookback.config.prometheus is not None
    (change,) = await lookback.history()
    assert (change.action, change.after["replay"]["lost"]) == ("threshold_raised", [])
    assert set(change.after["labels"]) == set(LATENCY) - {"query"}


async def test_a_prometheus_that_is_away_leaves_it_to_the_loop(tuning: Tuning) -> None:
    tuning.config = WebhookConfig(prometheus=SourceConfig(url="http://127.0.0.1:9"))
    ten = await judged(tuning.store, "false_alarm", 10)
    assert "looked at within a minute" in await tuning.told(ten[0])
    assert await tuning.ratios() == []
    await tuning.tuner.run()
    assert await tuning.ratios() == [("cpu", SERIES, 1.1)]
    # A reload counts at once: nobody is asked any more.
    tuning.config = WebhookConfig()
    more = await judged(tuning.store, "false_alarm", 10, NOW + 20_000)
    assert "no replay was possible" in await tuning.told(more[0])


async def test_a_prometheus_that_knows_nothing_is_no_replay(
    tuning: Tuning, known: KnownPrometheus
) -> None:
    tuning.config = WebhookConfig(
        prometheus=SourceConfig(url=known.url), tuning=TuningConfig(external_labels=("cluster",))
    )
    ten = await judged(tuning.store, "false_alarm", 10, labels={"cluster": "eu"})
    assert "no replay was possible" in await tuning.told(ten[0])
    assert await tuning.ratios() == [("cpu", SERIES, 1.1)]
