"""A click in a mail changes what alerts: on the real programs, in a real browser.

SCREENSHOTS=docs/images takes the pictures of the docs anew.
"""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.browsing import SCHEMES, SCREENS, Scheme, context_of, overflow, picture, violations
from tests.e2e.desk import PASSWORD, QUERY, USER, Desk, chromium, links_of
from tests.e2e.programs import programs_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]

CONFIGURED = 0.72
RAISED = pytest.approx(1.1 * CONFIGURED)
THRESHOLD = f'anomaly_threshold{{query="{QUERY}"}}'
SCORE = f'anomaly_score{{query="{QUERY}"}}'


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with programs_in(folder) as programs, chromium(folder / "browser") as browser:
        desk = Desk(folder, programs, browser)
        desk.start()
        yield desk
        desk.close()


@pytest.fixture(scope="module")
def incident(desk: Desk) -> int:
    """The tenth false alarm to be, whose score is between the threshold and the one after it."""
    for day in range(1, 10):
        past_false_alarm(desk, day)
    desk.programs.wait_for("a score", lambda: desk.value(SCORE) is not None, 60)
    level = 440.0
    while (desk.value(SCORE) or 0.0) < 1.02 * CONFIGURED:
        level *= 1.02
        assert level < 1000.0, "no level scores as much"
        desk.gauges.values["level"] = level
        seen = f'anomaly_value{{query="{QUERY}"}} > {level - 0.01}'
        desk.programs.wait_for("it to be judged", partial(desk.value, seen), 30)
    return desk.programs.wait_for("an incident", lambda: desk.incidents("firing"), 60)[0]


def past_false_alarm(desk: Desk, day: int) -> None:
    labels = {
        "alertname": "AnomalyDetected",
        "severity": "warning",
        "query": QUERY,
        "series": "a",
        "job": "anomaly-exporter",
        "instance": f"127.0.0.1:{desk.ports['exporter']}",
    }
    alert = {"labels": labels, "startsAt": f"2026-01-0{day}T00:00:00Z", "status": "firing"}
    assert desk.post("/api/v1/alerts", {"version": "4", "alerts": [alert]}).ok
    (opened,) = desk.incidents("firing")
    verdict = {"incident": opened, "verdict": "false_alarm"}
    assert desk.post("/api/v1/feedback", verdict).ok
    alert |= {"status": "resolved", "endsAt": f"2026-01-0{day}T00:10:00Z"}
    assert desk.post("/api/v1/alerts", {"version": "4", "alerts": [alert]}).ok


@pytest.fixture
def window(desk: Desk) -> Iterator[Callable[[str, Scheme], BrowserContext]]:
    """Opens browser windows, each with cookies of its own."""
    opened: list[BrowserContext] = []

    def open_window(screen: str, scheme: Scheme) -> BrowserContext:
        opened.append(context_of(desk.browser, screen, scheme))
        return opened[-1]

    yield open_window
    for context in opened:
        context.close()


def log_in(desk: Desk, page: Page) -> None:
    page.goto(desk.urls["webhook"])
    page.get_by_label("User").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.url.rstrip("/") == desk.urls["webhook"]


def wait_for_threshold(desk: Desk, threshold: object) -> None:
    desk.programs.wait_for(
        f"the threshold {threshold}", lambda: desk.value(THRESHOLD) == threshold, 60
    )


def test_a_click_in_a_mail_changes_what_alerts_until_it_is_undone(
    desk: Desk, incident: int, window: Callable[[str, Scheme], BrowserContext]
) -> None:
    mail = desk.mail_about(incident, "firing", 30)
    assert desk.value(THRESHOLD) == CONFIGURED
    page = window("phone", "light").new_page()
    (link,) = {one for one in links_of(mail) if "verdict=false_alarm" in one}

    page.goto(link)
    picture(page, "feedback_phone")
    listed = desk.get("webhook", f"/api/v1/feedback?query={QUERY}&limit=100").json()
    assert incident not in [one["incident"] for one in listed["feedback"]], "following it says it"
    page.get_by_role("button", name="False alarm").click()

    expect(page.get_by_role("status")).to_contain_text("raised by 10 %")
    wait_for_threshold(desk, RAISED)
    level = desk.value("level")
    desk.mail_about(incident, "resolved", 150)
    assert desk.incidents("firing") == []
    assert desk.value("level") == level, "the series is as odd as before"

    page = window("desktop", "light").new_page()
    log_in(desk, page)
    page.get_by_role("link", name="Thresholds").first.click()
    expect(page.get_by_text("1 → 1.1").first).to_be_visible()
    picture(page, "thresholds")
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_text("Undone since then").first).to_be_visible()

    wait_for_threshold(desk, CONFIGURED)
    again = desk.programs.wait_for("it to alert again", lambda: desk.incidents("firing"), 60)
    assert again[0] > incident
    desk.mail_about(again[0], "firing", 30)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_on_any_page_is_in_the_way_of_people(
    desk: Desk,
    incident: int,
    window: Callable[[str, Scheme], BrowserContext],
    screen: str,
    scheme: Scheme,
) -> None:
    page = window(screen, scheme).new_page()
    page.goto(f"{desk.urls['webhook']}/incidents/{incident}")
    found = violations(page)  # the page to log in
    log_in(desk, page)
    pages = {
        "": "console",
        "/incidents": "incidents",
        f"/incidents/{incident}": "incident",
        f"/incidents/{incident}?edit": "incident_edited",
        "/thresholds": "thresholds",
        "/missed": "missed",
        f"/missed?incident={incident}": "missed_filled",
        "/quality": "quality",
        "/channels": "channels",
        "/nowhere": "not_found",
    }
    addresses = [desk.urls["webhook"] + path for path in pages] + [desk.urls["exporter"]]
    for address in addresses:
        page.goto(address)
        found += violations(page)
        if wider := overflow(page):
            found.append(f"{address} is {wider} pixels wider than the screen")
        for link in page.get_by_role("link").all()[:3]:
            link.focus()  # reached by the keyboard, too
    assert not found, "\n".join(found)
