"""How an incident stands beside others, and which secrets sign its links."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from promkit.clock import ManualClock
from promkit.errors import SecretUnavailable
from tests.webhook.adapters.storing import DAY, record
from tests.webhook.deliveries import NOW, alert
from webhook.adapters.feedback import judge, judged_since
from webhook.adapters.linkkeys import LinkKeys, keys_of
from webhook.adapters.schema import incidents
from webhook.adapters.standing import Standing, standing_of
from webhook.adapters.store import Store
from webhook.adapters.verdictmetrics import labels_of
from webhook.core.alerts import Alert
from webhook.core.facts import History, Siblings
from webhook.core.verdicts import judgement_of


async def incident(store: Store, number: int) -> Row[Any]:
    statement = select(incidents).where(incidents.c.id == number)
    return await store.read(lambda connection: connection.execute(statement).one())


async def standing(store: Store, number: int) -> Standing:
    row = await incident(store, number)
    return await store.read(lambda connection: standing_of(connection, row, NOW))


async def test_an_incident_knows_its_siblings_and_its_past(store: Store) -> None:
    for days, verdict in ((40, "confirmed"), (12, "false_alarm"), (3, None)):
        then = NOW - days * DAY
        await record(store, alert(starts_at=then), now=then)
        await record(store, alert("resolved", starts_at=then, ends_at=then + 60), now=then + 60)
        if verdict is not None:
            said = judgement_of(verdict, "", "ana", "link")
            number = {40: 1, 12: 2}[days]
            await store.write(partial(judge, incident_id=number, judgement=said, now=NOW))
    await record(store, alert(), alert(fingerprint="b"), alert(fingerprint="c"))
    await record(store, alert("resolved", fingerprint="c"))

    found = await standing(store, 4)

    assert found.siblings == Siblings(2, None, ("abc", "b"))
    assert found.history == History(2, 30, NOW - 3 * DAY, "false_alarm", NOW - 12 * DAY, "ana")
    assert found.cause is None
    assert found.alertmanager == "http://alertmanager:9093"
    assert (await standing(store, 5)).history == History(0, 30)


async def test_the_newest_verdicts_are_published_and_no_older_ones(store: Store) -> None:
    for number in range(1, 5):
        await record(store, alert(fingerprint=f"f{number}"))
        said = judgement_of("confirmed", "", "", "api")
        at = NOW - (100 - number) * DAY
        await store.write(partial(judge, incident_id=number, judgement=said, now=at))
    found = await store.read(lambda connection: judged_since(connection, NOW - 98 * DAY, 2))
    assert [each.incident.id for each in found] == [4, 3]
    assert not await store.write(lambda connection: judge(connection, 99, said, NOW))


async def test_the_labels_of_a_verdict_are_those_of_its_series(store: Store) -> None:
    labels = {
        "alertname": "A", "severity": "info", "query": "q", "exported_severity": "gold",
        "job": "anomaly-exporter", "incident": "own", "verdict": "own", "instance": "a:1",
        "odd name": "x", "__name__": "y", "empty": "",
    }  # fmt: skip
    await record(store, Alert("f", "firing", labels, {}, NOW, None, ""))
    assert labels_of(await incident(store, 1), "confirmed") == {
        "query": "q", "verdict": "confirmed", "incident": "1", "exported_incident": "own",
        "exported_verdict": "own", "severity": "gold", "instance": "a:1",
    }  # fmt: skip


async def test_the_store_keeps_one_secret_for_all(store: Store) -> None:
    clock = ManualClock(NOW)
    one, other = LinkKeys(store, clock), LinkKeys(store, clock)
    keys = await one.keys(None)
    assert len(keys) == 1
    assert len(keys[0].secret) == 32
    assert await one.keys(None) == await other.keys(None) == keys


async def test_a_file_has_the_secret_in_force_and_the_one_before(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "links"
    path.write_text("a new secret, long enough\nan old secret, long enough\n")
    keys = await LinkKeys(store, ManualClock(NOW)).keys(path)
    assert [key.secret for key in keys] == [
        b"a new secret, long enough", b"an old secret, long enough",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "short", "a secret, long enough\nshort"])
def test_a_secret_that_is_none_is_named_and_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "links"
    path.write_text(text)
    with pytest.raises(SecretUnavailable, match="links") as raised:
        keys_of(path)
    assert "long enough" not in str(raised.value)


def test_three_secrets_are_one_too_many(tmp_path: Path) -> None:
    path = tmp_path / "links"
    path.write_text("\n".join(f"secret number {i} of three" for i in range(3)))
    with pytest.raises(SecretUnavailable, match="3 lines"):
        keys_of(path)
