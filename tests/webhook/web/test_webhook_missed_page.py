"""The page on which people mark what was missed: its form, its refusals, and how a mark goes."""

import pytest

from tests.webhook.adapters.storing import rows
from tests.webhook.deliveries import NOW, alert_json, body
from tests.webhook.web.forms import press, press_only
from tests.webhook.web.site import Site, running
from webhook.adapters.observations import put_observation
from webhook.adapters.schema import missed
from webhook.adapters.store import Store
from webhook.core.observation import Observation
from webhook.web.missedpage import labels_of

PAGE = "/missed"
# NOW is 2027-01-15 08:00 UTC, 13:45 in Kathmandu.
FORM = {
    "query": "cpu",
    "labels": "instance=a\nmode = user",
    "start": "2027-01-15T06:00",
    "end": "2027-01-15T06:30",
    "reason": "it was slow",
    "author": "ana",
}


async def text(site: Site, path: str = PAGE) -> str:
    answer = await site.client.get(path)
    assert answer.status == 200, await answer.text()
    found: str = await answer.text()
    return found


async def test_a_mark_is_made_and_taken_back(site: Site) -> None:
    assert "Nobody has marked anything yet." in await text(site)
    made = await press_only(site.client, PAGE, PAGE, **FORM)
    assert made.status == 303
    page = await text(site, f"/{made.headers['Location']}")
    assert "Done: mark 1: an alert of cpu was missed" in page
    assert "baselines leave that time out; as it is." in page
    assert "instance=a mode=user from 15 Jan 06:00 UTC, for 30 min" in page
    assert "it was slow. By ana (page)" in page
    assert "Its score was not looked up yet." in page
    (row,) = await rows(site.store, missed)
    assert (row.starts_at, row.ends_at) == (NOW - 7200, NOW - 5400)
    assert row.labels == {"instance": "a", "mode": "user"}

    gone = await press(site.client, PAGE, PAGE, withdraw="1")
    assert "Done: mark 1 on cpu is taken back" in await gone.text()
    assert "it counts for nothing" in await gone.text()
    again = await press(site.client, PAGE, PAGE, withdraw="1")
    assert again.status == 409
    assert "Nothing was changed: mark 1 was taken back at" in await again.text()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"query": "no such thing"}, "allowed: the name of a query"),
        ({"labels": "instance"}, "labels have the line &#39;instance&#39;"),
        ({"start": "yesterday"}, "from is &#39;yesterday&#39;; allowed: a time such as"),
        ({"end": "2027-01-15T05:00"}, "start is not before end"),
        ({"end": "2027-01-15T23:00"}, "end lies in the future"),
    ],
)
async def test_what_is_refused_keeps_what_was_typed(
    site: Site, wrong: dict[str, str], said: str
) -> None:
    answer = await press(site.client, PAGE, PAGE, **{**FORM, **wrong})
    page = await answer.text()
    assert answer.status == 400
    assert said in page
    assert "it was slow</textarea>" in page
    assert await rows(site.store, missed) == []


async def test_a_time_that_counts_already_is_refused(site: Site) -> None:
    await press(site.client, PAGE, PAGE, **FORM)
    answer = await press(site.client, PAGE, PAGE, **FORM)
    assert answer.status == 409
    assert "it overlaps missed-1 of the same series" in await answer.text()


async def test_times_are_those_of_the_clock_that_is_named(store: Store) -> None:
    async with running(store, yaml="timezone: Asia/Kathmandu") as site:
        assert "(on the clock of Asia/Kathmandu)" in await text(site)
        await press(site.client, PAGE, PAGE, **FORM)
        (row,) = await rows(store, missed)
        assert row.starts_at == NOW - 7200 - 5.75 * 3600


async def test_the_page_of_an_incident_leads_to_a_form_that_is_filled_in(site: Site) -> None:
    await site.post(body(alert_json()))
    incident = await text(site, "/incidents/1")
    assert 'href="../missed?incident=1">Something was missed here' in incident
    page = await text(site, f"{PAGE}?incident=1")
    # Those that alerted are offered, lest a slip of the pen makes a query that nobody has.
    assert '<datalist id="queries"><option value="cpu"></option></datalist>' in page
    assert (
        'name="query" list="queries" required maxlength="128" autocomplete="off" '
        'spellcheck="false" value="cpu"' in page
    )
    assert ">instance=a</textarea>" in page
    assert 'value="2027-01-15T06:59"' in page
    assert 'value="2027-01-15T07:59"' in page
    assert 'spellcheck="false" value="cpu"' not in await text(site, f"{PAGE}?incident=99")
    seen = Observation(1, NOW, series={"instance": "exact"})
    await site.store.write(lambda connection: put_observation(connection, seen))
    assert ">instance=exact</textarea>" in await text(site, f"{PAGE}?incident=1")


async def test_older_marks_are_on_further_pages(site: Site) -> None:
    for i in range(52):
        start = f"2027-01-{1 + i // 24:02}T{i % 24:02}:00"
        await press(site.client, PAGE, PAGE, **{**FORM, "start": start, "end": start[:-2] + "30"})
    first = await text(site)
    assert 'href="missed?before=3">Older ones' in first
    assert "Mark 2<" in await text(site, f"{PAGE}?before=3")


def test_labels_may_hold_what_labels_hold() -> None:
    assert labels_of('a="b=c"\n\n x=') == {"a": "b=c", "x": ""}
