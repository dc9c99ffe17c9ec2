"""What programs read: pages of alerts and notifications."""

import pytest

from tests.webhook.admitting import admit
from tests.webhook.deliveries import NOW, alert_json, body
from tests.webhook.web.site import ALERTS, Site
from webhook.adapters import outbox


async def fill(site: Site) -> None:
    items = [
        alert_json(
            fingerprint=f"f{i}",
            starts_at=NOW - 100 + i,
            labels={
                "alertname": "A",
                "severity": ("info", "critical")[i % 2],
                "query": ("cpu", "disk")[i // 5],
                "instance": f"host{i}",
            },
        )
        for i in range(10)
    ]
    await site.post(body(*items))
    await site.post(body(items[9] | {"status": "resolved", "endsAt": "2027-01-15T08:00:00Z"}))


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, "9876543210"),
        ({"status": "firing"}, "876543210"),
        ({"status": "resolved"}, "9"),
        ({"severity": "critical"}, "97531"),
        ({"query": "cpu"}, "43210"),
        ({"since": str(NOW - 93)}, "987"),
        ({"since": "2027-01-15T07:58:27Z"}, "987"),
        ({"since": "2027-01-15T07:58:27"}, "987"),
        ({"filter": 'instance=~"host[2-4]"'}, "432"),
        ({"filter": '{instance=~"host[2-4]",severity="info"}', "query": "cpu"}, "42"),
        ({"filter": 'instance="nowhere"'}, ""),
    ],
)
@pytest.mark.parametrize("limit", [100, 3, 1])
async def test_listing_alerts_page_by_page(
    site: Site, parameters: dict[str, str], found: str, limit: int
) -> None:
    await fill(site)
    seen = ""
    answer = await site.client.get(ALERTS, params={**parameters, "limit": str(limit)})
    while True:
        page = await answer.json()
        assert len(page["alerts"]) <= limit
        seen += "".join(item["fingerprint"].removeprefix("f") for item in page["alerts"])
        if page["next"] is None:
            break
        assert page["next"].startswith("https://a.example.org/x/api/v1/alerts?")
        answer = await site.client.get(page["next"].removeprefix("https://a.example.org/x"))

    assert seen == found


async def test_what_an_alert_looks_like(site: Site) -> None:
    await site.post(body(alert_json()))

    page = await site.json(ALERTS)

    assert page == {
        "alerts": [
            {
                "fingerprint": "abc",
                "status": "firing",
                "labels": alert_json()["labels"],
                "annotations": {"summary": "cpu is unusual", "value": "0.97"},
                "starts_at": "2027-01-15T07:59:00.000Z",
                "ends_at": None,
                "last_seen_at": "2027-01-15T08:00:00.000Z",
                "incident": 1,
                "alertname": "CpuAnomaly",
                "severity": "critical",
                "level": "critical",
                "query": "cpu",
                "generator_url": "http://prometheus:9090/graph?g0.expr=up",
                "links": {"incident": "https://a.example.org/x/incidents/1"},
            }
        ],
        "next": None,
    }


async def test_listing_notifications(site: Site) -> None:
    await fill(site)
    await admit(site.store, NOW)
    (item, *_) = (await site.store.claim("chat", NOW, 1)).claimed
    await site.store.settle([outbox.Outcome(item.id, "HTTP 404")], NOW + 1)

    everything = await site.json("/api/v1/notifications?limit=1000")
    dead = await site.json("/api/v1/notifications?state=dead&channel=chat")
    one = await site.json("/api/v1/notifications?incident=10&limit=2")

    assert len(everything["notifications"]) == 10 + 5 + 2
    assert dead["notifications"] == [
        {
            "id": item.id,
            "incident": 1,
            "channel": "chat",
            "status": "firing",
            "state": "dead",
            "attempts": 1,
            "created_at": "2027-01-15T08:00:00.000Z",
            "admitted_at": "2027-01-15T08:00:00.000Z",
            "held_reason": None,
            "held_until": None,
            "digest": None,
            "due_at": None,
            "finished_at": "2027-01-15T08:00:01.000Z",
            "detail": "HTTP 404",
            "alertname": "A",
            "severity": "info",
            "level": "low",
            "query": "cpu",
            "links": {"incident": "https://a.example.org/x/incidents/1", "digest": None},
        }
    ]
    assert [row["status"] for row in one["notifications"]] == ["resolved", "resolved"]
    assert "before=" in one["next"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("status=open", "status is 'open'; allowed: firing, resolved"),
        ("limit=0", "limit is 0; allowed: 1 to 1000"),
        ("limit=many", "limit is 'many'; allowed: a whole number"),
        ("before=-1", "before is '-1'"),
        ("since=yesterday", "since is 'yesterday'; allowed: unix seconds"),
        ("since=9999999-01-01", "since is"),
        ("filter=%7B", "filter: found '{'"),
        ("color=red", "unknown parameter 'color'; allowed: status"),
    ],
)
async def test_a_wrong_parameter_is_named(site: Site, query: str, problem: str) -> None:
    answer = await site.client.get(f"{ALERTS}?{query}")

    assert answer.status == 400
    assert problem in (await answer.json())["error"]
    other = await site.client.get(f"/api/v1/notifications?{query.replace('status', 'state')}")
    assert other.status == 400
