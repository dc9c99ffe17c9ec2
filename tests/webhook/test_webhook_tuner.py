"""A verdict moves a threshold: at once, once for ten, on Sundays, where nothing real is lost."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from promkit.clock import ManualClock
from tests.webhook.deliveries import NOW
from tests.webhook.judging import SERIES, judged, open_incident
from tests.webhook.tuning import Tuning
from webhook.adapters.database import Database
from webhook.adapters.factstore import get_fact
from webhook.adapters.missed import mark
from webhook.adapters.peaks import Peaks
from webhook.adapters.store import Store, open_store
from webhook.adapters.thresholds import ThresholdRefused, set_ratio, undo
from webhook.adapters.unobserved import keep_marks
from webhook.config import WebhookConfig
from webhook.core.missed import Missed
from webhook.core.thresholds import DAY
from webhook.core.verdicts import Verdict
from webhook.settings.sources import SourceConfig
from webhook.settings.tuning import TuningConfig

SUNDAY = datetime.fromisoformat("2027-01-17T03:00+01:00").timestamp()
BERLIN = WebhookConfig(timezone="Europe/Berlin")


@pytest.fixture
def store(any_database: Database) -> Iterator[Store]:
    with open_store(any_database) as opened:
        yield opened


@pytest.fixture
def tuning(store: Store) -> Iterator[Tuning]:
    made = Tuning(store, ManualClock(NOW + DAY), BERLIN)
    yield made
    made.tuner.close()


async def test_ten_false_alarms_raise_a_threshold_once(tuning: Tuning) -> None:
    nine = await judged(tuning.store, "false_alarm", 9)
    await judged(tuning.store, "false_alarm", 3, labels={"instance": "b"})
    assert await tuning.told(nine[0]) == (
        "9 of 10 false alarms for this series; its threshold stays"
    )
    assert await tuning.ratios() == []

    (tenth,) = await judged(tuning.store, "false_alarm", 1, at=NOW + 9000)
    said = await asyncio.gather(*(tuning.told(tenth) for _ in range(20)))

    assert any("raised by 10 %, to 1.1 times what is configured" in each for each in said)
    assert await tuning.ratios() == [("cpu", SERIES, 1.1)]
    (change,) = await tuning.history()
    assert (change.action, change.actor, change.subject) == ("threshold_raised", "tuning", "cpu")
    assert (change.before["ratio"], change.after["ratio"]) == (1.0, 1.1)
    assert change.after["incidents"] == [*nine, tenth]
    assert "no replay was possible, 0 confirmed" in change.detail
    await tuning.tuner.run()
    assert len(await tuning.history()) == 1
    assert 'ratio{instance="a",query="cpu",severity="gold"} 1.1' in tuning.page()
    assert 'threshold_changes_total{reason="false_alarms"} 1.0' in tuning.page()


async def test_the_loop_does_what_a_verdict_left(tuning: Tuning) -> None:
    await judged(tuning.store, "false_alarm", 20)
    for _ in range(3):
        await tuning.tuner.run()
    assert await tuning.ratios() == [("cpu", SERIES, 1.21)]


async def test_of_two_replicas_one_is_faster(store: Store) -> None:
    both = [Tuning(store, ManualClock(NOW + DAY), WebhookConfig()) for _ in range(2)]
    ten = await judged(store, "false_alarm", 10)
    await judged(store, "false_alarm", 30, NOW - 2 * DAY, 5000, {"query": "disk", "instance": ""})
    said = await asyncio.gather(*(each.told(ten[0]) for each in both for _ in range(5)))
    await asyncio.gather(*(each.tuner.run() for each in both))

    assert sum("raised by 10 %" in each for each in said) == 1
    assert ("cpu", SERIES, 1.1) in await both[0].ratios()
    weekly = [row for row in await both[0].history() if row.after["reason"] == "weekly"]
    assert [(row.subject, row.after["ratio"]) for row in weekly] == [("disk", 1.1)]


async def test_without_prometheus_a_confirmed_incident_makes_it_careful(tuning: Tuning) -> None:
    await judged(tuning.store, "confirmed", 1)
    ten = await judged(tuning.store, "false_alarm", 10, at=NOW + 1000)
    said = await tuning.told(ten[0])

    assert "not applied: 10 false alarms; no replay was possible, 1 confirmed" in said
    assert await tuning.ratios() == []
    assert [row.action for row in await tuning.history()] == ["threshold_proposed"]
    assert 'threshold_proposals_total{reason="false_alarms"} 1.0' in tuning.page()
    # The next ten are asked for anew, and may be taken at their word.
    tuning.config = WebhookConfig(tuning=TuningConfig(apply_losses=True))
    more = await judged(tuning.store, "false_alarm", 10, at=NOW + 20_000)
    await tuning.told(more[0])
    assert await tuning.ratios() == [("cpu", SERIES, 1.1)]


async def test_an_undone_change_is_not_made_again(tuning: Tuning) -> None:
    ten = await judged(tuning.store, "false_alarm", 10)
    await tuning.told(ten[0])
    (change,) = await tuning.history()

    def take_back(number: int) -> Any:
        return tuning.store.write(lambda c: undo(c, number, "ben", "too deaf", NOW + DAY))

    undone = await take_back(change.id)
    tuning.tuner.changed(undone)
    await tuning.tuner.run()

    assert await tuning.ratios() == [("cpu", SERIES, 1.0)]
    assert await tuning.told(ten[0]) == "0 of 10 false alarms for this series; its threshold stays"
    # The exporter has to hear that it is 1 again.
    assert 'ratio{instance="a",query="cpu",severity="gold"} 1.0' in tuning.page()
    for number, problem in (
        (change.id, f"undone already, by change {undone.id}"),
        (undone.id, "changed nothing by itself"),
        (99, "there is no change 99"),
    ):
        with pytest.raises(ThresholdRefused, match=problem):
            await take_back(number)


async def test_a_person_may_choose_within_bounds(tuning: Tuning) -> None:
    async def choose(ratio: float) -> Any:
        return await tuning.store.write(
            lambda c: set_ratio(c, "cpu", SERIES, ratio, "ana", "", NOW)
        )

    written = await choose(1.5)
    assert (written.action, written.before, written.after) == ("threshold_raised", 1.0, 1.5)
    for ratio, problem in ((1.5, "is 1.5 already"), (1.6, "allowed: 0.5 to 1.5")):
        with pytest.raises(ThresholdRefused, match=problem):
            await choose(ratio)
    # At its limit a batch changes nothing, and is not asked for again.
    ten = await judged(tuning.store, "false_alarm", 10)
    assert "which is its limit" in await tuning.told(ten[0])
    assert [row.action for row in await tuning.history()] == ["threshold_raised", "threshold_kept"]


async def test_what_is_no_score_moves_nothing(tuning: Tuning) -> None:
    breach = await open_incident(tuning.store, labels={"alertname": "AnomalyBreachPredicted"})
    own = await open_incident(tuning.store, labels={"query": ""})
    assert "does not come from a score" in await tuning.told(breach)
    assert "does not come from a score" in await tuning.told(own)
    tuning.config = WebhookConfig(tuning=TuningConfig(enabled=False))
    ten = await judged(tuning.store, "false_alarm", 10)
    assert "tuning.enabled" in await tuning.told(ten[0])
    await tuning.tuner.run()
    assert await tuning.history() == []


async def test_sundays_go_by_the_rate_once(tuning: Tuning) -> None:
    await judged(tuning.store, "false_alarm", 5, NOW, 3600, {"instance": "b", "query": "disk"})
    await judged(tuning.store, "maintenance", 30, NOW, 60, {"query": "disk"})
    await judged(tuning.store, "confirmed", 20, NOW - 3 * DAY, 10_000, {"query": "disk"})
    # Four weeks have enough where one has not; those before a change do not count.
    await judged(tuning.store, "confirmed", 20, NOW - 20 * DAY, DAY / 4, {"query": "net"})
    await tuning.clock.advance(SUNDAY - 60 - tuning.clock.now())
    await tuning.tuner.run()  # the Sunday before, which nobody was up for
    assert await tuning.ratios() == [("net", {}, 0.9)]
    await tuning.clock.advance(120)
    await tuning.tuner.run()
    await tuning.tuner.run()

    assert await tuning.ratios() == [("net", {}, 0.9)]
    (lowered,) = await tuning.history()
    assert lowered.detail == (
        "the threshold is lowered by 10 %, to 0.9 times what is configured: "
        "0 of 20 judged incidents of 28 days were false alarms"
    )
    done = await tuning.store.read(lambda c: get_fact(c, "thresholds_weekly_at"))
    assert done == SUNDAY


async def test_many_false_alarms_raise_a_query_unless_something_real_would_be_missed(
    tuning: Tuning,
) -> None:
    await judged(tuning.store, "false_alarm", 30, NOW - 2 * DAY, 5000, {"query": "disk"})
    for i in range(20):
        label = {"query": "net", "instance": f"{i}"}
        verdict: Verdict = "confirmed" if i == 0 else "false_alarm"
        await judged(tuning.store, verdict, 1, NOW - i * 5000, labels=label)
    await tuning.tuner.run()

    weekly = [row for row in await tuning.history() if row.after["reason"] == "weekly"]
    assert [(row.subject, row.action) for row in weekly] == [
        ("disk", "threshold_raised"),
        ("net", "threshold_proposed"),
    ]
    assert ("disk", {}, 1.1) in await tuning.ratios()


async def test_sundays_without_a_replay_and_at_the_limit(tuning: Tuning) -> None:
    tuning.config = WebhookConfig(prometheus=SourceConfig(url="http://127.0.0.1:9"))
    for query in ("disk", "net"):
        for i in range(20):
            label = {"query": query, "instance": f"{i}"}
            await judged(tuning.store, "false_alarm", 1, NOW - i * 5000, labels=label)
    await tuning.store.write(lambda c: set_ratio(c, "net", {}, 1.5, "ana", "", NOW - 30 * DAY))
    await tuning.tuner.run()

    (change,) = [row for row in await tuning.history() if row.after["reason"] == "weekly"]
    assert (change.subject, change.after["replay"]) == ("disk", None)
    assert "20 of 20 judged incidents of 7 days were false alarms; no replay" in change.detail


async def test_a_missed_alert_takes_raises_back_without_waiting_for_sunday(tuning: Tuning) -> None:
    ten = await judged(tuning.store, "false_alarm", 10)
    await tuning.told(ten[0])
    await tuning.clock.advance(3600)
    now = tuning.clock.now()
    marked = Missed("cpu", {"instance": "a"}, now - 1800, now - 600, "", "ana", "page")
    number = await tuning.store.write(lambda c: mark(c, marked, now))
    await tuning.tuner.run()
    assert await tuning.ratios() == [("cpu", SERIES, 1.1)]

    peaks = {number: Peaks(0.62, 0.66)}
    await tuning.store.write(lambda c: keep_marks(c, [number], peaks, now))
    tuning.config = WebhookConfig(tuning=TuningConfig(enabled=False))
    await tuning.tuner.run()
    assert "tuning.enabled" in tuning.tuner.follows()
    assert await tuning.ratios() == [("cpu", SERIES, 1.1)]
    tuning.config = WebhookConfig(prometheus=SourceConfig(url="http://127.0.0.1:9"))
    assert "that raise is taken back" in tuning.tuner.follows()
    other = Tuning(tuning.store, tuning.clock, tuning.config)
    await asyncio.gather(*(each.tuner.run() for each in (tuning, other)))
    other.tuner.close()

    assert await tuning.ratios() == [("cpu", SERIES, 1.0323)]
    assert [row.action for row in await tuning.history()] == [
        "threshold_raised", "threshold_lowered",
    ]  # fmt: skip
    counted = 'threshold_changes_total{reason="missed"} 1.0'
    assert sum(counted in each.page() for each in (tuning, other)) == 1
