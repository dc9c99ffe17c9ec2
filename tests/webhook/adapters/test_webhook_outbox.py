"""Which notifications are due, in which order, and what becomes of the rest."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Row, insert, update

from tests.webhook.adapters.storing import DAY, fingerprint, record, rows, send_all, states
from tests.webhook.deliveries import NOW, alert
from webhook.adapters import outbox, queries
from webhook.adapters.schema import attempts, events, incidents, notifications, quarantine
from webhook.adapters.store import Store, open_store
from webhook.core.alerts import Alert


@pytest.mark.parametrize("was_sent", [True, False])
async def test_a_resolved_follows_or_replaces_its_firing(store: Store, was_sent: bool) -> None:
    await record(store, alert())
    if was_sent:
        assert await send_all(store) == ["1 firing"]

    await record(store, alert("resolved"))

    assert await send_all(store) == ["1 resolved"]
    first = "sent" if was_sent else "suppressed"
    assert [state for state in await states(store) if state[0] == "chat"] == [
        ("chat", "firing", first),
        ("chat", "resolved", "sent"),
    ]


async def test_a_resolved_waits_while_its_firing_is_being_sent(store: Store) -> None:
    await record(store, alert())
    (firing,) = (await store.claim("chat", NOW, 10)).claimed
    await record(store, alert("resolved"), now=NOW + 1)

    assert (await store.claim("chat", NOW + 1, 10)).claimed == ()

    await store.settle([outbox.Outcome(firing.id, "HTTP 503", due_at=NOW + 100)], NOW + 2)
    claim = await store.claim("chat", NOW + 3, 10)
    assert [item.kind for item in claim.claimed] == ["resolved"]
    assert claim.suppressed == {"superseded": 1}


async def test_nobody_hears_the_end_of_what_nobody_heard_begin(store: Store) -> None:
    await record(store, alert())
    (firing,) = (await store.claim("chat", NOW, 10)).claimed
    await record(store, alert("resolved"))
    await store.settle([outbox.Outcome(firing.id, "HTTP 404")], NOW)

    claim = await store.claim("chat", NOW, 10)

    assert (claim.claimed, claim.suppressed) == ((), {"firing_not_delivered": 1})
    await record(store, alert(starts_at=NOW + 1))
    (again,) = (await store.claim("chat", NOW, 10)).claimed
    await store.settle([outbox.Outcome(again.id, "HTTP 404")], NOW)
    await record(store, alert("resolved", starts_at=NOW + 1, ends_at=NOW + 2))
    assert (await store.claim("chat", NOW, 10)).claimed == ()


async def test_a_claim_takes_the_oldest_due_and_leases_it(store: Store) -> None:
    for i in range(3):
        await record(store, alert(fingerprint=f"f{i}"), now=NOW + i)

    assert (await store.claim("chat", NOW - 1, 10)).claimed == ()
    first = (await store.claim("chat", NOW + 10, 2)).claimed
    assert [(fingerprint(item), item.attempts) for item in first] == [("f0", 1), ("f1", 1)]
    assert [item.incident_id for item in (await store.claim("chat", NOW + 10, 2)).claimed] == [3]
    after_lease = await store.claim("chat", NOW + 10 + outbox.LEASE_SECONDS, 10)
    assert [item.attempts for item in after_lease.claimed] == [2, 2, 2]
    assert await store.read(lambda connection: outbox.next_due(connection, "chat")) == NOW
    assert await store.read(lambda connection: outbox.next_due(connection, "other")) is None


async def test_what_was_being_sent_is_due_again_after_a_restart(database: Path) -> None:
    with open_store(database) as store:
        await record(store, alert())
        assert len((await store.claim("chat", NOW, 10)).claimed) == 1
        assert (await store.claim("chat", NOW, 10)).claimed == ()

    with open_store(database) as store:
        assert await store.release_leases() == 1
        assert await send_all(store) == ["1 firing"]


async def test_a_paced_channel_gives_out_one_at_a_time_whoever_asks(store: Store) -> None:
    await record(store, alert(), alert(fingerprint="b"))

    first = await store.claim("chat", NOW, 10, pace=2.0)
    assert (len(first.claimed), first.not_before) == (1, 0)
    second = await store.claim("chat", NOW + 1.9, 10, pace=2.0)
    assert (second.claimed, second.not_before) == ((), NOW + 2)
    assert len((await store.claim("pager", NOW, 10)).claimed) == 2, "each channel for itself"
    third = await store.claim("chat", NOW + 2, 10, pace=2.0)
    assert [fingerprint(item) for item in third.claimed] == ["b"]


async def test_a_pause_that_was_asked_for_holds_for_every_process(store: Store) -> None:
    await record(store, alert(), alert(fingerprint="b"))
    first, second = (await store.claim("chat", NOW, 10)).claimed

    long = outbox.Outcome(first.id, "HTTP 429", due_at=NOW + 60, pause=60.0)
    short = outbox.Outcome(second.id, "HTTP 429", due_at=NOW + 5, pause=5.0)
    await store.settle([long, short], NOW)

    claim = await store.claim("chat", NOW + 59, 10)
    assert (claim.claimed, claim.not_before) == ((), NOW + 60)
    assert len((await store.claim("chat", NOW + 60, 10)).claimed) == 2


async def test_every_attempt_is_kept(store: Store) -> None:
    await record(store, alert())
    for outcome in (
        outbox.Outcome(0, "HTTP 503", due_at=NOW, reason="server_error", seconds=2.0),
        outbox.Outcome(0, "HTTP 200", is_sent=True, seconds=0.5, handle={"ts": "1"}),
    ):
        (item,) = (await store.claim("chat", NOW, 10)).claimed
        await store.settle([replace(outcome, id=item.id)], NOW + 3)

    found = [tuple(row)[2:] for row in await rows(store, attempts)]
    assert found == [
        (NOW + 1, 2.0, False, "server_error", "HTTP 503"),
        (NOW + 2.5, 0.5, True, "", "HTTP 200"),
    ]
    await record(store, alert("resolved"))
    (item,) = (await store.claim("chat", NOW + 4, 10)).claimed
    assert (item.kind, item.handle) == ("resolved", {"ts": "1"})


async def test_who_lost_the_lease_only_has_a_say_in_what_arrived(store: Store) -> None:
    """Two processes: the first stalls, the second takes over, then the first comes back."""
    await record(store, alert(), alert(fingerprint="b"))
    late = (await store.claim("chat", NOW, 10)).claimed
    now = NOW + outbox.LEASE_SECONDS
    await store.write(lambda connection: outbox.claim(connection, "chat", now, 10, instance="2"))

    failed = outbox.Outcome(late[0].id, "HTTP 503", due_at=now)
    arrived = outbox.Outcome(late[1].id, "HTTP 200", is_sent=True)
    await store.settle([failed, arrived], now)

    found = [row for row in await rows(store, notifications) if row.channel == "chat"]
    assert [(row.state, row.leased_by) for row in found] == [("pending", "2"), ("sent", "")]


async def test_a_digest_is_claimed_without_an_incident(store: Store) -> None:
    content = {"held": 3}
    digest = {"incident_id": None, "channel": "chat", "kind": "digest", "content": content}
    row = {"state": "pending", "attempts": 0, "created_at": NOW, "due_at": NOW, "leased_until": 0.0}
    await store.write(
        lambda connection: connection.execute(
            insert(notifications), [{**digest, **row, "detail": ""}] * 2
        )
    )

    claimed = (await store.claim("chat", NOW, 10)).claimed

    assert [(item.kind, item.incident, item.content) for item in claimed] == [
        ("digest", None, content)
    ] * 2


def _leave_undecided(connection: Connection, state: str) -> None:
    pending = update(notifications).where(notifications.c.state == "pending")
    connection.execute(pending.values(state=state))


async def test_what_is_new_or_held_is_not_sent_and_its_incident_stays(store: Store) -> None:
    old = NOW - 91 * DAY
    for state in ("held", "new"):
        end = alert("resolved", state, starts_at=old, ends_at=old + 1)
        await record(store, alert(fingerprint=state, starts_at=old), end, now=old)
        await store.write(partial(_leave_undecided, state=state))

    assert (await store.claim("chat", NOW, 10)).claimed == ()
    found = await store.read(queries.counts)
    assert (found.pending, found.oldest_pending_at, found.held) == (4, old, 4)
    await store.clean(["chat", "pager"], 90 * DAY, NOW)
    assert len(await rows(store, incidents)) == 2


async def test_retention_deletes_what_ended_long_ago_and_nothing_else(store: Store) -> None:
    def firing_then_resolved(name: str, starts_at: float) -> tuple[Alert, Alert]:
        end = alert("resolved", name, starts_at=starts_at, ends_at=starts_at + 1)
        return alert(fingerprint=name, starts_at=starts_at), end

    old = NOW - 91 * DAY
    await record(store, *firing_then_resolved("old", old), now=old)
    await record(store, *firing_then_resolved("unsent", old), now=old)
    await record(store, alert(fingerprint="long", starts_at=old), now=old)
    await record(store, *firing_then_resolved("new", NOW - DAY), now=NOW - DAY)
    await store.keep_body(b"x", "odd", old)
    assert "2 resolved" in await send_all(store, "pager", old)
    # The pager got everything; the chat keeps "unsent" waiting.
    for item in (await store.claim("chat", old, 100)).claimed:
        if fingerprint(item) == "old":
            await store.settle([outbox.Outcome(item.id, "ok", is_sent=True)], old)

    deleted = await store.clean(["chat", "pager"], 90 * DAY, NOW)

    assert deleted > 0
    names = {row.fingerprint for row in await rows(store, incidents)}
    assert names == {"unsent", "long", "new"}
    assert {row.received_at for row in await rows(store, events)} == {NOW - DAY}
    assert {row.incident_id for row in await rows(store, notifications)} == {2, 3, 4}
    assert await rows(store, quarantine) == []


async def test_what_waits_for_a_removed_channel_is_given_up_after_a_day(store: Store) -> None:
    await record(store, alert(), now=NOW)

    await store.clean(["chat"], 90 * DAY, NOW + DAY - 1)
    assert ("pager", "firing", "pending") in await states(store)
    await store.clean(["chat"], 90 * DAY, NOW + DAY)
    assert await states(store) == [("chat", "firing", "pending"), ("pager", "firing", "dead")]


async def test_counts_and_channel_states(store: Store) -> None:
    await record(store, alert(), alert(fingerprint="b"), now=NOW)
    first, second = (await store.claim("chat", NOW, 10)).claimed
    done = outbox.Outcome(first.id, "HTTP 200", is_sent=True)
    retry = outbox.Outcome(second.id, "HTTP 503", due_at=NOW + 5)
    await store.settle([done, retry], NOW + 1)

    assert await store.read(queries.counts) == queries.Counts(2, 3, NOW, 0)
    assert await store.read(queries.channel_states) == {
        "chat": queries.ChannelState({"pending": 1, "sent": 1}, NOW + 1, "HTTP 503"),
        "pager": queries.ChannelState({"pending": 2}, None, ""),
    }


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_however_deliveries_arrive_each_incident_is_told_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Several series, out of order and repeated, with a channel that sends at any moment."""
    news = [
        item
        for name in ("a", "b")
        for begin in (NOW - 1000, NOW - 500)
        for item in (
            alert(fingerprint=name, starts_at=begin),
            alert("resolved", name, starts_at=begin, ends_at=begin + 100),
        )
    ]
    news += data.draw(st.lists(st.sampled_from(news), max_size=4))
    order = data.draw(st.permutations(news))
    pauses = data.draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order)))

    async def play(store: Store) -> tuple[list[str], Sequence[Row[Any]]]:
        sent: list[str] = []
        for item, is_pause in zip(order, pauses, strict=True):
            await record(store, item)
            if is_pause:
                sent += await send_all(store)
        return sent + await send_all(store), await rows(store, incidents)

    with open_store(tmp_path_factory.mktemp("play") / "webhook.db") as store:
        sent, found = asyncio.run(play(store))

    assert len(sent) == len(set(sent)), "nothing is said twice"
    assert all(row.ends_at is not None for row in found)
    newest = {row.fingerprint: row.ends_at for row in found}
    assert newest == {"a": NOW - 400, "b": NOW - 400}
    for row in found:
        told = [kind for kind in sent if kind.startswith(f"{row.id} ")]
        assert told in ([], [f"{row.id} resolved"], [f"{row.id} firing", f"{row.id} resolved"])
