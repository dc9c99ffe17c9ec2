"""People log in, stay so for a while, and press only the buttons of our own pages."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import text
from yarl import URL

from tests.webhook.web.logindesk import HASH, HTML, OPS, Desk, hashed, serving
from webhook.adapters.store import Store
from webhook.core.guesses import OF_BOTH
from webhook.web.login import own_path
from webhook.web.visit import InForce


@pytest.fixture
async def desk(store: Store, tmp_path: Path) -> AsyncIterator[Desk]:
    async with serving(store, tmp_path) as started:
        yield started


async def test_people_are_led_to_the_login_and_back_and_programs_get_a_401(desk: Desk) -> None:
    sent = await desk.get("/deep/page?a=b&c=%3Cd")
    assert (sent.status, sent.headers["Location"]) == (
        303,
        "../login?to=deep%2Fpage%3Fa%3Db%26c%3D%253Cd",
    )
    for path, headers in (("/", {}), ("/api/v1/data", HTML), ("/metrics", HTML)):
        refused = await desk.get(path, headers=headers)
        assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Basic")
    wrong = {**HTML, "Authorization": aiohttp.encode_basic_auth("ops", "wrong")}
    assert (await desk.get("/", headers=wrong)).status == 401

    location = sent.headers["Location"].removeprefix("..")
    assert "Log in" in await (await desk.get(location)).text()
    token = await desk.token(location)
    done = await desk.press(URL(location, encoded=True), token, user="ops", password="right")

    assert (done.status, done.headers["Location"]) == (303, "./deep/page?a=b&c=%3Cd")
    cookie = done.cookies["anomaly_webhook_session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", "43200")
    assert "right" not in cookie.value
    shown = await desk.get("/deep/page")
    assert "ops writes" in await shown.text()
    assert shown.headers["Refresh"] == "30"
    assert await (await desk.get("/api/v1/data")).json() == {"person": "ops"}
    assert await desk.audited() == [("login", "ops", "from 127.0.0.1")]


async def test_a_session_ends_in_time_with_the_password_and_with_the_user(desk: Desk) -> None:
    await desk.log_in()
    await desk.clock.advance(12 * 3600 - 1)
    assert (await desk.get()).status == 200
    await desk.clock.advance(1)
    assert (await desk.get()).status == 303

    await desk.log_in()
    assert (await desk.get()).status == 200
    desk.users(f"ops: '{hashed(b'changed')}'")
    assert (await desk.get()).status == 303
    assert (await desk.log_in()).status == 403
    assert (await desk.log_in("changed")).status == 303
    desk.users(f"ben: '{HASH}'")
    assert (await desk.get()).status == 303


async def test_a_session_cannot_be_made_up(desk: Desk) -> None:
    done = await desk.log_in()
    shown = done.cookies["anomaly_webhook_session"].value
    version, key, _, *rest = shown.split(".")
    desk.users(f"ops: '{HASH}', ben: '{HASH}'")
    for forged in (
        ".".join((version, key, "YmVu", *rest)),  # ben, with the same password
        shown[:-2] + ("AA" if shown[-2:] != "AA" else "BB"),
        ".".join((version, key, "____", *rest)),
        "x",
    ):
        desk.client.session.cookie_jar.clear()
        cookies = {"anomaly_webhook_session": forged}
        assert (await desk.get("/", cookies=cookies)).status == 303, forged


async def test_logging_out_needs_our_button(desk: Desk) -> None:
    await desk.log_in()
    assert (await desk.press("/logout")).status == 403
    assert (await desk.get()).status == 200

    done = await desk.press("/logout", await desk.token("/"))
    assert (done.status, done.headers["Location"]) == (303, "./login?bye=1")
    assert "You are logged out" in await (await desk.get("/login?bye=1")).text()
    assert (await desk.get()).status == 303
    assert [action for action, *_ in await desk.audited()] == ["login", "logout"]
    assert (await desk.press("/logout")).status == 303, "nobody is logged in"


async def test_another_site_cannot_log_anybody_out(desk: Desk) -> None:
    # As browsers do it: a form of another site arrives without our cookies.
    sent = await desk.press("/logout")
    assert (sent.status, "Set-Cookie" in sent.headers) == (303, False)


async def test_guessing_is_slowed_down_and_tells_nothing(desk: Desk) -> None:
    answers = [await desk.log_in("wrong") for _ in range(OF_BOTH)]
    stranger = await desk.log_in("wrong", user="hunter2")
    texts = {re.sub(r"ops|hunter2|value=\"[^\"]+\"", "", await each.text()) for each in answers}
    assert {each.status for each in (*answers, stranger)} == {403}
    assert texts == {re.sub(r"hunter2|value=\"[^\"]+\"", "", await stranger.text())}

    late = await desk.log_in("right")
    assert (late.status, late.headers["Retry-After"]) == (429, "301")
    assert "Try again in 5 min" in await late.text()
    await desk.clock.advance(301)
    assert (await desk.log_in("right")).status == 303
    audited = await desk.audited()
    assert audited[OF_BOTH - 1 :] == [
        ("login_failed", "ops", "from 127.0.0.1"),
        ("login_failed", "", "from 127.0.0.1"),
        ("login", "ops", "from 127.0.0.1"),
    ], "what no user is called may be a password"


async def test_only_our_own_forms_are_taken(desk: Desk) -> None:
    before = await desk.token("/login")
    other = {"form_token": before, "user": "ops", "password": "right"}
    desk.client.session.cookie_jar.clear()
    stolen = await desk.client.post("/login", data=other, headers=HTML)
    assert stolen.status == 403, "the form of another browser would log somebody in as its owner"

    await desk.log_in()
    ours = await desk.token("/")
    for headers, token in (
        ({"Sec-Fetch-Site": "cross-site"}, ours),
        ({"Origin": "https://evil.example"}, ours),
        ({"Origin": "null"}, ours),
        ({}, before),
        ({}, "x"),
        ({}, ""),
    ):
        refused = await desk.client.post("/", data={"form_token": token}, headers=HTML | headers)
        assert refused.status == 403
        assert "Nothing was changed" in await refused.text()
        assert "default-src 'none'" in refused.headers["Content-Security-Policy"]
    assert desk.pressed == 0

    assert (await desk.press("/", ours)).status == 200
    same = {"Origin": str(desk.client.make_url("/")).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert (await desk.client.post("/", data={"form_token": ours}, headers=same)).status == 200
    assert desk.pressed == 2

    desk.has_keys = False
    assert (await desk.client.post("/", data={}, headers=HTML | OPS)).status == 503


async def test_who_has_been_logged_out_meanwhile_is_told_so(desk: Desk) -> None:
    await desk.log_in()
    token = await desk.token("/")
    await desk.clock.advance(12 * 3600)
    late = await desk.press("/", token)
    assert late.status == 403
    assert "not any more" in await late.text()
    program = await desk.client.post("/api/v1/data", json={})
    assert program.status == 401


async def test_a_session_writes_by_forms_only(desk: Desk) -> None:
    await desk.log_in()
    assert (await desk.client.post("/api/v1/data", json={})).status == 401
    assert (await desk.client.post("/api/v1/data", json={}, headers=OPS)).status == 200
    assert (await desk.client.post("/-/healthy")).status == 401


async def test_basic_auth_counts_and_its_forms_are_checked(desk: Desk) -> None:
    shown = await desk.get("/", headers=HTML | OPS)
    written = await shown.text()
    assert "ops writes" in written
    assert "logout" not in written, "a browser forgets such a password when it is closed"
    (token,) = re.findall(r'name="form_token" value="([^"]+)"', written)
    assert (await desk.client.post("/", headers=OPS)).status == 403
    done = await desk.client.post("/", data={"form_token": token}, headers=OPS)
    assert (done.status, desk.pressed) == (200, 1)


async def test_everybody_may_read_where_that_is_configured(desk: Desk) -> None:
    desk.settings = replace(desk.settings, anonymous="read")
    written = await (await desk.get("/deep/page?refresh=off")).text()
    assert "nobody reads" in written
    assert '<a href="../login?to=deep%2Fpage%3Frefresh%3Doff">Log in</a>' in written
    assert (await desk.get("/api/v1/data")).status == 200
    assert (await desk.get("/metrics")).status == 401
    assert (await desk.get("/-/healthy")).status == 401
    assert (await desk.press("/", await desk.token("/"))).status == 403
    assert (await desk.client.post("/api/v1/data")).status == 401
    wrong = {"Authorization": aiohttp.encode_basic_auth("ops", "wrong")}
    assert (await desk.get("/", headers=wrong)).status == 401, "they think that they are known"
    assert desk.pressed == 0


async def test_without_users_everybody_may_write(store: Store, tmp_path: Path) -> None:
    async with serving(store, tmp_path, has_users=False) as desk:
        assert "nobody writes" in await (await desk.get("/")).text()
        assert "Nobody has to log in here" in await (await desk.get("/login")).text()
        token = await desk.token("/")
        assert (await desk.press("/")).status == 403
        assert (await desk.press("/", token)).status == 200
        assert (await desk.press("/login", token, user="a", password="b")).status == 200
        assert (await desk.press("/logout")).headers["Location"] == "./"
        assert await desk.audited() == []


async def test_cookies_stay_on_encrypted_connections(desk: Desk) -> None:
    there = await desk.get("/login", headers=HTML | {"Host": "a.example.org"})
    plain = await desk.get("/login", headers=HTML | {"Host": "10.0.0.1:9854"})
    proxied = await desk.get("/login", headers=HTML | {"X-Forwarded-Proto": "https"})
    secure = [
        bool(each.cookies["anomaly_webhook_browser"]["secure"]) for each in (there, plain, proxied)
    ]
    assert secure == [True, False, True]
    desk.settings = InForce("http://a.example.org/path")
    desk.client.session.cookie_jar.clear()
    there = await desk.get("/login", headers=HTML | {"Host": "a.example.org"})
    cookie = there.cookies["anomaly_webhook_browser"]
    assert (cookie["path"], cookie["secure"]) == ("/path", "")


async def test_people_get_in_while_the_audit_cannot_be_written(desk: Desk) -> None:
    await desk.store.write(lambda connection: connection.execute(text("DROP TABLE audit")))
    assert (await desk.log_in()).status == 303
    assert (await desk.get()).status == 200


@pytest.mark.parametrize(
    "odd",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\evil", "a//evil", "..",
     "a/../b", "javascript:x", "login", "a\nb", "%2e%2e/x", "./x"],
)  # fmt: skip
def test_nobody_is_led_elsewhere(odd: str) -> None:
    assert own_path(odd) == ""
    assert own_path("incidents/7?refresh=off&query=a%20b") == "incidents/7?refresh=off&query=a%20b"


async def test_a_page_loads_itself_until_told_otherwise(desk: Desk) -> None:
    first = await desk.get("/?query=a%26b", headers=HTML | OPS)
    (stop,) = re.findall(r'<a href="([^"]+)">Stop</a>', await first.text())
    assert stop == "./?query=a%26b&amp;refresh=off"
    second = await desk.get("/deep/page?query=a%26b&refresh=off", headers=HTML | OPS)
    assert (first.headers["Refresh"], "Refresh" in second.headers) == ("30", False)
    assert '<a href="page?query=a%26b">Do so every 30 s</a>' in await second.text()
    assert first.headers["Cache-Control"] == "no-store"
