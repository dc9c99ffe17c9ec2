"""Groups of one cause in the store: found, announced once, merged, closed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.webhook.adapters.storing import ROUTING, rows
from tests.webhook.deliveries import NOW, alert, delivery
from webhook.adapters import groups
from webhook.adapters.database import Database
from webhook.adapters.gate import look
from webhook.adapters.recording import Recording
from webhook.adapters.schema import incident_groups, incidents, notifications
from webhook.adapters.store import Store, open_store
from webhook.core.correlation import Rules
from webhook.core.throttle import Rules as GateRules

RULES = Rules(("instance", "cluster"), 300.0, 0.7)


@pytest.fixture
def kept(any_database: Database) -> Iterator[Store]:
    with open_store(any_database) as store:
        yield store


async def fires(store: Store, name: str, at: float = 0.0, **labels: str) -> None:
    one = alert(fingerprint=name, starts_at=NOW + at - 30)
    one = replace(one, labels={"alertname": name, "severity": "warning", **labels})
    await store.record(Recording(delivery(one), ROUTING, NOW + at))


async def ends(store: Store, name: str, at: float) -> None:
    one = alert("resolved", name, starts_at=NOW - 30, ends_at=NOW + at)
    await store.record(Recording(delivery(one), ROUTING, NOW + at))


async def group(store: Store, at: float = 0.0) -> int:
    return await store.write(lambda connection: groups.assign(connection, RULES, NOW + at))


async def memberships(store: Store) -> dict[str, int | None]:
    return {row.alertname: row.group_id for row in await rows(store, incidents)}


async def test_incidents_of_one_host_become_a_group_and_strangers_do_not(kept: Store) -> None:
    await fires(kept, "disk", 0, instance="db1", cluster="eu")
    await fires(kept, "mail", 5, instance="mail1", cluster="eu")
    assert await group(kept, 5) == 0
    await fires(kept, "queries", 60, instance="db1", cluster="eu")
    await fires(kept, "queue", 70, instance="db1")

    assert await group(kept, 70) == 3
    assert await group(kept, 71) == 0, "nothing is found twice"

    found = await memberships(kept)
    (stored,) = await rows(kept, incident_groups)
    assert found == {"disk": stored.id, "mail": None, "queries": stored.id, "queue": stored.id}
    assert stored.labels == {"instance": "db1"}
    cause = await kept.read(lambda connection: groups.cause_of(connection, 4))
    assert cause is not None
    assert (cause.size, cause.first, cause.first_incident) == (3, "disk on db1", 1)
    assert (cause.is_first, cause.why) == (False, "instance db1, within 1m10s")
    assert await kept.read(lambda connection: groups.cause_of(connection, 2)) is None


async def test_a_later_one_joins_the_stored_group_until_it_is_calm(kept: Store) -> None:
    await fires(kept, "disk", 0, instance="db1")
    await fires(kept, "queries", 10, instance="db1")
    await group(kept, 10)
    await fires(kept, "queue", 290, instance="db1")
    await group(kept, 290)
    await fires(kept, "late", 700, instance="db1")
    await group(kept, 700)

    found = await memberships(kept)
    assert found["queue"] == found["disk"]
    assert found["late"] is None


async def test_a_group_closes_with_its_last_member(kept: Store) -> None:
    await fires(kept, "disk", 0, instance="db1")
    await fires(kept, "queries", 10, instance="db1")
    await group(kept, 10)

    await ends(kept, "disk", 100)
    open_one = await kept.write(lambda connection: groups.close_finished(connection, NOW + 101))
    await ends(kept, "queries", 200)
    closed = await kept.write(lambda connection: groups.close_finished(connection, NOW + 201))

    assert (open_one, closed) == (0, 1)
    (stored,) = await rows(kept, incident_groups)
    assert stored.closed_at == NOW + 201


async def test_series_merge_groups_and_name_another_first_mover(kept: Store) -> None:
    await fires(kept, "web", 0, instance="web1", cluster="eu")
    await fires(kept, "web_errors", 5, instance="web1", cluster="eu")
    await fires(kept, "disk", 60, instance="db1", cluster="eu")
    await fires(kept, "queries", 65, instance="db1", cluster="eu")
    await group(kept, 65)
    assert len(await rows(kept, incident_groups)) == 2

    web, _, disk, _ = [groups.member_of(row) for row in await rows(kept, incidents)]
    disk = replace(disk, onset=NOW - 300)
    pair = {frozenset((web.incident, disk.incident)): 0.93}
    merged = await kept.write(lambda c: groups.merge(c, RULES, [[web, disk]], pair, {}))
    again = await kept.write(lambda c: groups.merge(c, RULES, [[web, disk]], pair, {}))

    assert (merged, again) == (1, 0)
    (stored,) = await rows(kept, incident_groups)
    assert stored.labels == {"cluster": "eu"}
    assert stored.first_incident_id == disk.incident
    assert stored.why == "cluster eu, within 5m35s, series move together (0.93)"
    assert set((await memberships(kept)).values()) == {stored.id}


async def test_series_make_a_group_of_two_that_stood_alone(kept: Store) -> None:
    await fires(kept, "web", 0, instance="web1", cluster="eu")
    await fires(kept, "disk", 60, instance="db1", cluster="eu")
    assert await group(kept, 60) == 0

    members = [groups.member_of(row) for row in await rows(kept, incidents)]
    pair = {frozenset((1, 2)): 0.8}
    await kept.write(lambda c: groups.merge(c, RULES, [members], pair, {2: 60.0}))

    (stored,) = await rows(kept, incident_groups)
    assert (stored.labels, stored.first_incident_id) == ({"cluster": "eu"}, 1)


async def test_people_hear_of_a_group_once_and_of_what_is_worse(kept: Store) -> None:
    rules = GateRules(correlation=RULES)

    async def pass_gate(at: float) -> None:
        await kept.write(lambda connection: look(connection, rules, "", NOW + at))

    await fires(kept, "disk", 0, instance="db1")
    await pass_gate(0)
    await fires(kept, "queries", 10, instance="db1")
    await pass_gate(10)
    await fires(kept, "other", 15, instance="web1")
    await pass_gate(15)
    await fires(kept, "down", 20, instance="db1", severity="critical")
    await pass_gate(20)

    states = {
        (row.incident_id, row.channel): (row.state, row.held_reason)
        for row in await rows(kept, notifications)
    }
    assert states == {
        (1, "chat"): ("pending", None),
        (2, "chat"): ("held", "grouped"),
        (3, "chat"): ("pending", None),
        (4, "chat"): ("pending", None),
        (4, "pager"): ("pending", None),
    }


async def test_what_was_missed_waits_for_a_digest(kept: Store) -> None:
    over = replace(delivery(alert("resolved", "gone")), origin="reconcile", source="reconcile")

    recorded = await kept.record(Recording(over, ROUTING, NOW))
    await kept.write(lambda connection: look(connection, GateRules(), "", NOW))

    assert recorded.is_notified
    states = sorted((row.kind, row.channel, row.state) for row in await rows(kept, notifications))
    assert states == [
        ("digest", "chat", "pending"),
        ("digest", "pager", "pending"),
        ("firing", "chat", "digested"),
        ("firing", "pager", "digested"),
    ]
