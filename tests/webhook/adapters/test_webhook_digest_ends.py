"""A digest that a channel keeps open is ended once, after it was sent, when all of it is over."""

from typing import Any

from tests.webhook.adapters.storing import DAY, rows, send_all
from tests.webhook.deliveries import NOW, alert, delivery
from webhook.adapters.gate import look
from webhook.adapters.recording import Recording
from webhook.adapters.schema import notifications
from webhook.adapters.store import Store
from webhook.core.alerts import Alert
from webhook.core.routing import Routing, Target
from webhook.core.throttle import Rules, Total

RULES = Rules(per_metric_and_severity=300.0, digest=300.0, ending=frozenset({"pager"}))
ROUTING = Routing((Target("chat"), Target("pager")))


async def receive(store: Store, now: float, *alerts: Alert, rules: Rules = RULES) -> None:
    await store.record(Recording(delivery(*alerts), ROUTING, now))
    await store.write(lambda connection: look(connection, rules, "http://a", now))


async def digests(store: Store) -> list[Any]:
    return [row for row in await rows(store, notifications) if row.kind == "digest"]


async def resolved(store: Store, fingerprint: str) -> dict[str, str]:
    found = [row for row in await rows(store, notifications) if row.kind == "resolved"]
    return {row.channel: row.state for row in found}


async def test_the_last_end_ends_the_digest_for_the_channel_that_keeps_it_open(
    store: Store,
) -> None:
    await receive(store, NOW, alert())
    await receive(store, NOW, alert(fingerprint="b"), alert(fingerprint="c"))
    await receive(store, NOW + 300)
    assert [(row.channel, row.content["still_open"]) for row in await digests(store)] == [
        ("chat", 2),
        ("pager", 2),
    ]
    # Nobody has been told of the digest yet, so its end has to wait.
    await receive(store, NOW + 310, alert("resolved", "b"), alert("resolved", "c"))
    assert len(await digests(store)) == 2
    assert await resolved(store, "b") == {"chat": "suppressed", "pager": "new"}

    for channel in ("chat", "pager"):
        await send_all(store, channel, NOW + 320)
    await receive(store, NOW + 330)
    *_, pager, end = await digests(store)
    assert (end.channel, end.state, end.content["ends"]) == ("pager", "pending", pager.id)
    assert await resolved(store, "b") == {"chat": "suppressed", "pager": "suppressed"}

    await receive(store, NOW + DAY)
    assert len(await digests(store)) == 3


async def test_what_still_fires_keeps_a_digest_open_and_its_end_takes_no_place(
    store: Store,
) -> None:
    rules = Rules(per_metric_and_severity=300.0, total=Total(2, 900.0), ending=RULES.ending)
    await receive(store, NOW, alert(), rules=rules)
    held = [alert(fingerprint=name) for name in ("b", "c")]
    await receive(store, NOW, *held, rules=rules)
    await receive(store, NOW + 300, rules=rules)
    for channel in ("chat", "pager"):
        await send_all(store, channel, NOW + 300)
    await receive(store, NOW + 310, alert("resolved", "b"), rules=rules)
    assert len(await digests(store)) == 2

    await receive(store, NOW + 320, alert("resolved", "c"), rules=rules)
    *_, end = await digests(store)
    assert (end.state, end.admitted_at) == ("pending", None)
