"""The page of an incident: what is known, what is missing, and what its buttons do."""

import re
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
from sqlalchemy import insert, update

from promkit.errors import SecretUnavailable
from tests.webhook.adapters.storing import rows
from tests.webhook.deliveries import NOW, alert_json, body
from tests.webhook.web.forms import press, press_only
from tests.webhook.web.site import Site, running
from webhook.adapters.observations import put_observation
from webhook.adapters.schema import feedback, incidents, patterns
from webhook.adapters.store import Store
from webhook.adapters.thresholds import Change, apply
from webhook.core.observation import Observation, ObservedCourse
from webhook.core.thresholds import Replay
from webhook.errors import StoreUnavailable

COURSE = ObservedCourse(
    start=NOW - 600,
    step=60,
    values=[1.0] * 8 + [9.5] * 2,
    expected=[1.0] * 10,
    lower=[0.5] * 10,
    upper=[2.0] * 10,
    scores=[0.1] * 8 + [0.9, 0.97],
)


async def text(site: Site, path: str = "/incidents/1") -> str:
    answer = await site.client.get(path)
    assert answer.status == 200, await answer.text()
    found: str = await answer.text()
    return found


async def verdicts(site: Site) -> list[tuple[str, str, str, str]]:
    found = await rows(site.store, feedback)
    return [(row.verdict, row.reason, row.author, row.via) for row in found]


async def keep(site: Site, seen: Observation) -> None:
    await site.store.write(lambda connection: put_observation(connection, seen))


async def test_a_button_stores_a_verdict_once_and_the_page_says_what_it_did(site: Site) -> None:
    await site.post(body(alert_json()))
    site.said = "7 of 10 false alarms for this series; its threshold stays"

    pressed = await press_only(
        site.client, "/incidents/1", "/incidents/1", verdict="false_alarm",
        reason="a backup", author="ana",
    )  # fmt: skip
    assert pressed.status == 303
    after = pressed.headers["Location"]
    assert re.fullmatch(r"1\?said=[\w-]+#verdict", after)
    page = await text(site, f"/incidents/{after}")

    assert "Recorded: 7 of 10 false alarms for this series" in page
    assert "<strong>false alarm</strong> by ana" in page
    assert ": a backup." in page
    assert 'value="false_alarm" class="chosen"' in page
    assert await verdicts(site) == [("false_alarm", "a backup", "ana", "page")]
    # The words are those of the button; the page of others does not say them.
    assert "Recorded:" not in await text(site)
    assert "Recorded:" not in await text(site, "/incidents/1?said=unknown")


async def test_what_is_no_button_of_the_page_changes_nothing(site: Site) -> None:
    await site.post(body(alert_json()))
    wrong = await press(site.client, "/incidents/1", "/incidents/1", verdict="maybe")
    gone = await press(site.client, "/incidents/1", "/incidents/99", verdict="confirmed")
    bare = await site.client.post("/incidents/1", data={"verdict": "confirmed"})
    assert (wrong.status, gone.status, bare.status) == (400, 404, 403)
    assert "allowed: confirmed, false_alarm" in await wrong.text()
    assert await verdicts(site) == []


async def test_an_open_incident_loads_anew_unless_something_could_be_typed(site: Site) -> None:
    await site.post(body(alert_json(), alert_json("resolved", "b", ends_at=NOW - 1)))

    async def refreshes(path: str) -> tuple[bool, bool]:
        answer = await site.client.get(path)
        return "Refresh" in answer.headers, 'name="reason"' in await answer.text()

    assert await refreshes("/incidents/1") == (True, False)
    assert await refreshes("/incidents/1?edit") == (False, True)
    assert await refreshes("/incidents/1?said=x") == (False, True)
    await site.post(body(alert_json("resolved", ends_at=NOW)))
    assert await refreshes("/incidents/1") == (False, True)


async def test_without_prometheus_the_stored_course_is_drawn_or_its_lack_is_said(
    site: Site,
) -> None:
    await site.post(body(alert_json(annotations={"summary": "cpu is unusual"})))
    bare = await text(site)
    assert "There is no chart: no Prometheus is configured that could be asked." in bare
    assert "is not known: no Prometheus is configured" in bare
    assert "<svg" not in bare

    seen = Observation(1, NOW - 5, peak_score=0.97, threshold=0.6, course=COURSE)
    await keep(site, seen)
    page = await text(site)
    assert page.count("<svg") == 2
    assert "2 samples are outside of the normal band" in page
    assert "As it was looked up 15 Jan 07:59 UTC: no Prometheus is configured" in page
    assert "<dt>when it began</dt><dd>9.5</dd>" in page
    assert "<dt>normal</dt><dd>0.5 to 2</dd>" in page
    assert "<dt>score, threshold 0.6</dt><dd>0.97</dd>" in page

    # A course without any score is drawn, and no sample of it is called the one that was judged.
    unscored = ObservedCourse(NOW - 60, 60, [1.0], [1.0], [0.5], [2.0], [float("nan")])
    for course in (unscored, None):
        await keep(site, Observation(1, NOW, course=course))
        assert "is not known: no Prometheus" in await text(site)


async def test_siblings_and_history_lead_to_one_another(site: Site) -> None:
    other = {"alertname": "CpuAnomaly", "severity": "info", "query": "cpu", "instance": "b"}
    for start in (NOW - 7200, NOW - 3600):
        await site.post(body(alert_json(starts_at=start)))
        await site.post(body(alert_json("resolved", starts_at=start, ends_at=start + 300)))
    await press(site.client, "/incidents/1", "/incidents/1", verdict="maintenance", author="bo")
    await site.post(body(alert_json(), alert_json(fingerprint="b", labels=other)))

    page = await text(site, "/incidents/3")
    before = page.partition("This series before")[2]
    assert '<a href="1">15 Jan 06:00 UTC</a>, lasted 5 min: maintenance, says bo' in before
    assert '<a href="2">15 Jan 07:00 UTC</a>, lasted 5 min: no verdict' in before
    beside = page.partition("The same alert for other series")[2].partition("Timeline")[0]
    assert '<a href="4">cpu b</a>' in beside
    assert 'href="1"' not in beside
    assert "No earlier incident of it is stored." in await text(site, "/incidents/4")


async def test_a_change_that_the_verdict_had_a_part_in_can_be_undone_from_here(
    site: Site,
) -> None:
    await site.post(body(alert_json()))
    replay = Replay(3)
    change = Change("cpu", {}, {}, 1.1, "false_alarms", "tuning", "why", (1,), replay)
    await site.store.write(lambda connection: apply(connection, change, NOW))

    page = await text(site)
    assert "The threshold is raised by 10 %, to 1.1 times what is configured: why" in page
    assert 'name="undo" value="1">Undo change 1</button>' in page


async def test_what_follows_a_harmless_pattern_says_so(site: Site) -> None:
    await site.post(body(alert_json()))
    made: dict[str, Any] = {
        "query": "cpu", "labels": {}, "labels_key": "{}", "minute": 180.0, "timezone": "UTC",
        "step": 60.0, "lower": [0], "upper": [1], "incidents": [4, 5, 6], "created_at": NOW,
        "expires_at": NOW + 86_400,
    }  # fmt: skip
    await site.store.write(lambda c: c.execute(insert(patterns), made))
    await site.store.write(lambda c: c.execute(update(incidents).values(pattern_id=1)))
    page = await text(site)
    assert "harmless pattern 1</a>, which people made of 3 incidents" in page
    assert "it holds until 16 Jan 08:00 UTC" in page
    left = update(incidents).values(pattern_left_at=NOW + 60, pattern_left="left")
    await site.store.write(lambda c: c.execute(left))
    assert "does, and was let through 15 Jan 08:01 UTC." in await text(site)


async def test_links_from_alerts_are_shown_only_if_they_are_of_the_web(site: Site) -> None:
    bad = alert_json(annotations={"runbook_url": "javascript:alert(1)"})
    await site.post(body(bad | {"generatorURL": "javascript:alert(2)"}))
    page = await text(site)
    assert 'href="javascript' not in page
    assert "What to do" not in page
    assert "Silence it in Alertmanager" in page
    await site.post(body(alert_json("resolved", ends_at=NOW)))
    assert "Silence it in Alertmanager" not in await text(site)


async def test_the_page_is_readable_while_forms_cannot_be_signed(site: Site) -> None:
    await site.post(body(alert_json()))
    for site.secret_problem in (
        SecretUnavailable(Path("links"), "is empty"),
        StoreUnavailable("the disk is full"),
    ):
        assert "Was it real?" in await text(site)
        assert (await site.client.post("/incidents/1", data={})).status == 503


async def test_only_who_has_logged_in_may_judge_and_by_their_own_name(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "web.yml"
    hashed = bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()
    path.write_text(f"basic_auth_users: {{ops: '{hashed}'}}\n")
    ops = {"Authorization": aiohttp.encode_basic_auth("ops", "pw")}
    async with running(store, web_config=path, anonymous="read") as site:
        await site.post(body(alert_json()), headers=ops)
        page = await text(site)
        assert "Log in to say what it was." in page
        assert 'name="verdict"' not in page
        refused = await site.client.post("/incidents/1", data={"verdict": "confirmed"})
        assert refused.status in (401, 403)
        assert 'name="mark"' not in await text(site, "/missed")

        own = await (await site.client.get("/incidents/1?edit", headers=ops)).text()
        assert 'name="verdict"' in own
        assert 'name="author"' not in own
        token = re.findall(r'name="form_token" value="([^"]+)"', own)[-1]
        form = {"form_token": token, "verdict": "confirmed", "author": "somebody else"}
        given = await site.client.post("/incidents/1", data=form, headers=ops)
        assert given.status == 200
        assert await verdicts(site) == [("confirmed", "", "ops", "page")]
