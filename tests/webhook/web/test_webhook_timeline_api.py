"""The story of an incident as programs and people get it."""

from dataclasses import replace

from sqlalchemy import Connection, insert, select

from tests.webhook.adapters.storing import ROUTING
from tests.webhook.admitting import admit
from tests.webhook.deliveries import NOW, alert, delivery
from tests.webhook.samples import GRAFANA, encoded
from tests.webhook.web.site import Site
from webhook.adapters import groups, outbox
from webhook.adapters.recording import Recording
from webhook.adapters.schema import feedback, notifications
from webhook.core.correlation import Rules


async def _tell(site: Site, name: str, status: str = "firing") -> None:
    one = alert("firing" if status == "firing" else "resolved", name)
    labels = {**one.labels, "instance": "db1", "id": name}
    await site.store.record(Recording(delivery(replace(one, labels=labels)), ROUTING, NOW))


async def test_an_incident_with_its_cause_and_its_story(site: Site) -> None:
    await _tell(site, "disk")
    await _tell(site, "disk")
    await _tell(site, "queries")
    rules = Rules(("instance",), 300.0, 0.7)
    await site.store.write(lambda connection: groups.assign(connection, rules, NOW))
    await admit(site.store, NOW)
    claim = await site.store.claim("pager", NOW, 1)
    sent = outbox.Outcome(claim.claimed[0].id, "HTTP 202", is_sent=True, seconds=0.3)
    await site.store.settle([sent], NOW + 1)
    await site.store.write(_judge)
    await _tell(site, "disk", "resolved")

    incident = await site.json("/api/v1/incidents/1")
    story = await site.json("/api/v1/incidents/1/timeline")
    answer = await site.client.get("/incidents/1")
    page = await answer.text()

    assert incident["status"] == "resolved"
    assert incident["origin"] == "alertmanager"
    assert incident["cause"]["size"] == 2
    assert incident["cause"]["is_first"] is True
    assert incident["cause"]["links"] == {
        "first_incident": "https://a.example.org/x/incidents/1",
    }
    assert incident["timeline"] == story["timeline"]
    whats = [line["what"] for line in story["timeline"]]
    assert whats[:4] == ["received", "repeated", "resolved", "stored"]
    assert {"grouped", "admitted", "sent", "verdict"} <= set(whats)
    texts = [line["text"] for line in story["timeline"]]
    assert "pager sent in 0.3 s: HTTP 202" in texts
    assert "pager sent in 0.3 s: HTTP 202" in page
    assert "this one most likely moved first" in page
    assert "One cause with 1 other " in page
    assert "most likely moved first" not in await (await site.client.get("/incidents/9")).text()
    assert (
        'most likely <a href="1">cpu on db1</a> moved first'
        in await (await site.client.get("/incidents/2")).text()
    )


def _judge(connection: Connection) -> None:
    row = {"incident_id": 1, "verdict": "confirmed", "reason": "", "author": "ana", "via": "page"}
    connection.execute(insert(feedback).values(**row, created_at=NOW + 9, changed_at=NOW + 9))


async def test_what_does_not_exist_is_a_404(site: Site) -> None:
    for path in ("/api/v1/incidents/7", "/api/v1/incidents/7/timeline"):
        answer = await site.client.get(path)
        assert answer.status == 404
        assert "no incident 7" in (await answer.json())["error"]


async def test_what_grafana_adds_is_kept_and_its_links_are_shown(site: Site) -> None:
    assert (await site.post(encoded(GRAFANA))).status == 200

    incident = await site.json("/api/v1/incidents/1")
    page = await (await site.client.get("/incidents/1")).text()

    assert incident["origin"] == "grafana"
    assert incident["extras"]["values"] == {"B": 44.23943737541908, "C": 1.0}
    assert 'href="https://grafana.example.org/d/abc123?viewPanel=4"' in page
    # A repetition without them, as after an upgrade, does not wipe them out.
    plain = {**GRAFANA, "alerts": [dict(GRAFANA["alerts"][0])]}
    for name in ("values", "valueString", "panelURL", "dashboardURL", "silenceURL", "imageURL"):
        del plain["alerts"][0][name]
    assert (await site.post(encoded(plain))).status == 200
    assert (await site.json("/api/v1/incidents/1"))["extras"] == incident["extras"]


async def test_a_recovered_incident_says_so(site: Site) -> None:
    found = replace(delivery(alert()), origin="reconcile", source="reconcile")
    await site.store.record(Recording(found, ROUTING, NOW))

    page = await (await site.client.get("/incidents/1")).text()

    assert "recovered by reconcile" in page
    kinds = await site.store.read(
        lambda connection: connection.execute(select(notifications.c.kind)).scalars().all()
    )
    assert set(kinds) == {"firing"}
