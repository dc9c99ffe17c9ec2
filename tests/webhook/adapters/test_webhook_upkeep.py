"""What is put right in the outbox, so that nothing in it waits for ever or is sent for ever."""

from sqlalchemy import update

from tests.webhook.adapters.storing import DAY, record, rows, send_all
from tests.webhook.deliveries import NOW, alert, delivery
from webhook.adapters import outbox, upkeep
from webhook.adapters.gate import look
from webhook.adapters.recording import Recording
from webhook.adapters.schema import channel_states, notifications
from webhook.adapters.store import Store
from webhook.core.routing import Routing, Target
from webhook.core.throttle import Rules

AHEAD = NOW + 4 * 365 * DAY
RULES = Rules(per_metric_and_severity=300.0, digest=300.0)


async def test_what_was_stored_while_the_clock_was_years_ahead_goes_out(store: Store) -> None:
    routing = Routing((Target("chat"),))
    told = delivery(alert(), alert(fingerprint="b"))
    await store.record(Recording(told, routing, AHEAD))
    await store.write(lambda connection: look(connection, RULES, "http://a", AHEAD))
    assert sorted(row.state for row in await rows(store, notifications)) == ["held", "pending"]

    await store.clean(["chat"], 90 * DAY, NOW)
    assert await send_all(store, "chat", NOW) == ["1 firing"]
    await store.write(lambda connection: look(connection, RULES, "http://a", NOW))
    assert await send_all(store, "chat", NOW) == ["None digest"]


async def test_what_replicas_date_a_little_ahead_keeps_its_time(store: Store) -> None:
    await record(store, alert(), now=NOW + 30)
    await store.write(
        lambda connection: connection.execute(update(notifications).values(due_at=NOW + 200))
    )
    assert await store.write(lambda connection: upkeep.mend_times(connection, NOW)) == 0
    assert {row.due_at for row in await rows(store, notifications)} == {NOW + 200}


async def test_a_channel_is_not_left_alone_until_an_instant_that_nobody_asked_for(
    store: Store,
) -> None:
    await record(store, alert(), now=AHEAD)
    (item,) = (await store.claim("chat", AHEAD, 1, pace=1.0)).claimed
    limited = outbox.Outcome(item.id, "HTTP 429", due_at=AHEAD, pause=outbox.LONGEST_PAUSE)
    await store.settle([limited], AHEAD)
    await record(store, alert(fingerprint="b"))

    claim = await store.claim("chat", NOW, 1, pace=1.0)
    assert [each.incident_id for each in claim.claimed] == [2]
    assert (await store.claim("chat", NOW + 0.5, 1, pace=1.0)).not_before == NOW + 1
    await record(store, alert(fingerprint="c"), now=AHEAD)
    await store.claim("chat", AHEAD, 1, pace=1.0)
    await store.clean(["chat"], 90 * DAY, NOW)
    assert await rows(store, channel_states) == []


async def test_an_answer_that_no_database_takes_is_written_down_all_the_same(store: Store) -> None:
    await record(store, alert())
    (item,) = (await store.claim("chat", NOW, 1)).claimed

    await store.settle([outbox.Outcome(item.id, "odd \ud800\x00", is_sent=True)], NOW)

    sent = [row for row in await rows(store, notifications) if row.channel == "chat"]
    assert [(row.state, row.detail) for row in sent] == [("sent", "odd \ufffd\ufffd")]
