"""The outbox loop over the real store, with time turned by hand."""

import asyncio

import pytest

from tests.webhook.admitting import admit
from tests.webhook.bench import DAY, Bench, advance, failing, logged, scripted
from tests.webhook.deliveries import NOW, alert, delivery
from webhook.adapters.recording import Recording
from webhook.core.message import Message
from webhook.dispatcher import LONGEST_WAIT, STORE_RETRY_SECONDS
from webhook.errors import ChannelError


async def test_sends_what_comes_in_and_counts_it(bench: Bench) -> None:
    await bench.receive(alert(), alert(fingerprint="low", severity="info"))
    await bench.until(sent=3)

    assert sorted(bench.inboxes["chat"].keys) == ["abc firing 1", "low firing 1"]
    assert bench.inboxes["pager"].keys == ["low firing 1"]
    assert bench.number('notifications_total{channel="chat"}') == 2
    assert bench.number("notification_latency_seconds_count") == 3


async def test_tries_again_when_due_and_not_before(bench: Bench) -> None:
    inbox = bench.inboxes["chat"]
    inbox.answer = failing(ChannelError("server_error", "HTTP 500"), times=3)
    await bench.receive(alert())
    for wait in (2, 4, 8):
        await bench.until_due_in(wait)
        await advance(bench, wait - 0.01)
        await advance(bench, 0.02)
    await bench.until(sent=1)

    assert inbox.keys == [f"abc firing {attempt}" for attempt in (1, 2, 3, 4)]
    assert [at - NOW for at in inbox.times] == pytest.approx([0, 2, 6, 14], abs=0.1)
    name = 'notification_failures_total{channel="chat",reason="server_error"}'
    assert bench.number(name) == 3
    assert bench.number('notifications_total{channel="chat"}') == 4


async def test_gives_up_after_a_day(bench: Bench) -> None:
    inbox = bench.inboxes["chat"]
    inbox.answer = failing(ChannelError("timeout", "no answer", retry_after=2 * DAY))
    await bench.receive(alert())
    await bench.until_due_in(DAY)
    await advance(bench, DAY)
    await advance(bench, LONGEST_WAIT)
    await bench.until(dead=1)

    assert inbox.keys == ["abc firing 1", "abc firing 2"]
    assert bench.number('notifications_dead_total{channel="chat"}') == 1


async def test_a_permanent_refusal_is_given_up_at_once(bench: Bench) -> None:
    bench.inboxes["chat"].answer = failing(
        ChannelError("rejected", "HTTP 404", is_permanent=True), times=1
    )
    await bench.receive(alert())
    await bench.until(dead=1)
    await bench.receive(alert("resolved"))

    (row,) = await bench.rows()
    assert (row.state, row.detail, row.attempts) == ("dead", "HTTP 404", 1)


async def test_a_channel_that_asks_for_a_pause_gets_it_for_everything(bench: Bench) -> None:
    inbox = bench.inboxes["chat"]
    inbox.answer = failing(ChannelError("rate_limited", "HTTP 429", retry_after=60), times=1)
    await bench.receive(alert())
    await bench.until_due_in(60)
    await bench.clock.until_sleeping(2)

    await bench.receive(alert(fingerprint="new", severity="info"))
    await bench.inboxes["pager"].count(1)
    await bench.clock.until_sleeping(2)
    assert inbox.keys == ["abc firing 1"]
    await bench.clock.advance(60.1)
    await bench.until(sent=3)
    assert sorted(inbox.keys[1:]) == ["abc firing 2", "new firing 1"]


async def test_a_defect_in_a_channel_costs_only_its_own_attempt(bench: Bench) -> None:
    def answer(message: Message) -> None:
        if message.key.startswith("bad"):
            raise ZeroDivisionError

    bench.inboxes["chat"].answer = answer
    await bench.receive(alert(fingerprint="bad"), alert(fingerprint="good"))
    await bench.until(sent=1, pending=1)

    name = 'notification_failures_total{channel="chat",reason="internal"}'
    assert bench.number(name) == 1


async def test_a_channel_that_hangs_delays_no_other(bench: Bench) -> None:
    bench.inboxes["chat"].gate.clear()

    await bench.receive(alert(severity="info"))
    await bench.until(sent=1, pending=1)

    assert bench.inboxes["pager"].keys == ["abc firing 1"]
    bench.inboxes["chat"].gate.set()
    await bench.until(sent=2)


async def test_what_was_sent_is_written_down_while_another_still_hangs(bench: Bench) -> None:
    inbox = bench.inboxes["chat"]
    inbox.hangs = "slow"
    await bench.receive(alert(fingerprint="slow"), alert(fingerprint="quick"))
    await bench.until(sent=1, pending=1)

    inbox.hangs = ""
    inbox.released.set()
    await bench.until(sent=2)


async def test_a_reload_leaves_unchanged_channels_alone(bench: Bench) -> None:
    chat, pager = bench.inboxes["chat"], bench.inboxes["pager"]
    chat.gate.clear()
    await bench.receive(alert())
    await chat.count(1)

    changing = asyncio.create_task(bench.dispatcher.use([scripted("chat", 2), scripted("pager")]))
    await asyncio.sleep(0)
    assert not changing.done(), "what is being sent is finished first"
    chat.gate.set()
    await changing
    await bench.until(sent=1)
    assert (chat.connections, pager.connections) == (2, 1)

    await bench.dispatcher.use([scripted("pager")])
    await bench.receive(alert(fingerprint="b"))
    await bench.until(sent=1, pending=1)
    await bench.dispatcher.use([scripted("chat")])
    await bench.until(sent=2)


async def test_closing_cuts_off_what_hangs_and_leaves_it_to_the_next_start(bench: Bench) -> None:
    bench.inboxes["chat"].gate.clear()
    await bench.receive(alert())
    await bench.inboxes["chat"].count(1)

    await bench.dispatcher.close(grace=0.01)

    (row,) = await bench.rows()
    assert (row.state, row.attempts) == ("pending", 1)
    assert await bench.store.release_leases() == 1


async def test_what_was_sent_is_written_down_once_the_store_works_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = bench.inboxes["chat"]
    inbox.gate.clear()
    await bench.receive(alert())
    await inbox.count(1)
    await bench.rename("notifications", "away")
    inbox.gate.set()
    await logged(caplog, "cannot write down what was sent")
    await bench.rename("away", "notifications")
    await advance(bench, 2)
    await bench.until(sent=1)

    assert inbox.keys == ["abc firing 1"]


async def test_an_outbox_that_is_not_available_is_asked_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = bench.inboxes["chat"]
    await bench.clock.until_sleeping(2)
    recording = Recording(delivery(alert()), bench.routing, NOW)
    await bench.store.record(recording)
    await admit(bench.store, NOW)
    await bench.rename("notifications", "away")
    bench.dispatcher.wake()
    await logged(caplog, "the outbox is not available")
    await bench.rename("away", "notifications")
    await advance(bench, 2)
    await bench.until(sent=1)

    assert inbox.keys == ["abc firing 1"]


async def test_a_channel_that_cannot_connect_is_connected_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = bench.inboxes["chat"]
    inbox.broken_connections = 2
    await bench.dispatcher.use([scripted("chat", 2), scripted("pager")])
    await logged(caplog, "sending failed")
    await advance(bench, STORE_RETRY_SECONDS)
    await bench.receive(alert())
    await bench.until(sent=1)

    assert inbox.connections == 3


async def test_what_was_leased_without_our_knowing_is_sent_after_a_failure(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The store committed a claim and could not say so."""
    inbox = bench.inboxes["chat"]
    await bench.clock.until_sleeping(2)
    await bench.store.record(Recording(delivery(alert()), bench.routing, NOW))
    await admit(bench.store, NOW)
    assert len((await bench.store.claim("chat", NOW, 10)).claimed) == 1
    await bench.rename("notifications", "away")
    bench.dispatcher.wake()
    await logged(caplog, "the outbox is not available")
    await bench.rename("away", "notifications")
    await advance(bench, STORE_RETRY_SECONDS)
    await bench.until(sent=1)

    assert inbox.keys == ["abc firing 2"]
