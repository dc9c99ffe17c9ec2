"""Everything that was held back can be seen: until when, why, and in which digest."""

from tests.webhook.deliveries import NOW, alert_json, body
from tests.webhook.web.site import Site
from webhook.adapters.gate import look
from webhook.core.throttle import Rules, Total

RULES = Rules(per_metric_and_severity=300.0, total=Total(10, 900.0), digest=300.0)
MANY = 520


async def gate(site: Site, now: float) -> None:
    url = "https://a.example.org/x"
    await site.store.write(lambda connection: look(connection, RULES, url, now))


async def text(site: Site, path: str) -> str:
    answer = await site.client.get(path)
    assert answer.status == 200
    page: str = await answer.text()
    return page


async def test_what_is_held_is_shown_until_its_digest_names_it(site: Site) -> None:
    labels = {"alertname": "<Evil>", "query": "cpu", "severity": "info"}
    await site.post(
        body(
            *(
                alert_json(fingerprint=f"f{i}", labels=labels | {"instance": f"db<{i}>"})
                for i in range(MANY + 1)
            )
        )
    )
    await gate(site, NOW)

    overview, incident = await text(site, "/"), await text(site, "/incidents/2")
    assert f"<small>due 15 Jan 08:05 UTC</small></dt><dd>{MANY}</dd>" in overview
    assert "throttled_metric: until 15 Jan 08:05 UTC, then in a digest" in incident
    assert '<span class="level low">low</span> (info)' in incident
    held = await site.json("/api/v1/notifications?state=held&limit=1")
    assert held["notifications"][0]["held_until"] == "2027-01-15T08:05:00.000Z"

    await site.post(body(alert_json("resolved", "f2", ends_at=NOW + 10, labels=labels)))
    await gate(site, NOW + 300)

    (row,) = (await site.json("/api/v1/notifications?limit=1"))["notifications"]
    assert (row["status"], row["incident"], row["state"]) == ("digest", None, "pending")
    assert row["links"] == {
        "incident": None,
        "digest": f"https://a.example.org/x/digests/{row['id']}",
    }
    named = await site.json(f"/api/v1/notifications?digest={row['id']}&limit=1000")
    assert len(named["notifications"]) == MANY
    page = await text(site, f"/digests/{row['id']}")
    assert f"{MANY} alerts held back</strong> for chat, {MANY - 1} of them still firing" in page
    assert "low: 520" in page
    assert "db&lt;520&gt;" in page
    assert page.count("over since 15 Jan 08:00 UTC") == 0
    assert "<Evil>" not in page
    before = page.split("?before=")[1].split('"')[0]
    rest = await text(site, f"/digests/{row['id']}?before={before}")
    assert "over since 15 Jan 08:00 UTC" in rest
    assert page.count("../incidents/") + rest.count("../incidents/") == MANY
    assert f'named in <a href="../digests/{row["id"]}">' in await text(site, "/incidents/2")
    await site.clock.advance(15)
    assert "held for a digest</dt><dd>0</dd>" in await text(site, "/")
    assert f'href="digests/{row["id"]}">digest</a>' in await text(site, "/channels")


async def test_a_digest_that_does_not_exist(site: Site) -> None:
    await site.post(body(alert_json()))

    for number in (1, 99):
        answer = await site.client.get(f"/digests/{number}")
        assert answer.status == 404, "neither nothing nor a notification is a digest"
        assert f"No digest {number}" in await answer.text()
