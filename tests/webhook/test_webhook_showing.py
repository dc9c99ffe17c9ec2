"""What the page of an incident says that a real Prometheus knows, or that none can be asked."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Row, select

from promkit.clock import ManualClock
from tests.webhook.adapters.storing import record
from tests.webhook.knownprometheus import ALERT, SERIES, KnownPrometheus
from tests.webhook.web.site import running, show_with
from webhook.adapters.schema import incidents
from webhook.adapters.store import Store
from webhook.core.alerts import Alert
from webhook.showing import Showing


async def stored(
    store: Store, known: KnownPrometheus, labels: dict[str, str], ends_at: float | None = None
) -> Row[Any]:
    """Store an incident of when the latency was unusual."""
    at = known.at
    firing = Alert("abc", "firing", labels, {}, at, None, "")
    await record(store, firing, now=at)
    if ends_at is not None:
        await record(store, Alert("abc", "resolved", labels, {}, at, ends_at, ""), now=ends_at)
    return await store.read(lambda connection: connection.execute(select(incidents)).one())


@pytest.fixture
async def showing(store: Store, known: KnownPrometheus) -> AsyncIterator[Showing]:
    clock = ManualClock(known.at + 240)
    made = show_with(store, clock, f"prometheus: {{url: '{known.url}'}}")
    yield made
    made.close()


async def test_an_incident_is_shown_as_prometheus_knows_it(
    store: Store, known: KnownPrometheus, showing: Showing
) -> None:
    shown = await showing.show(await stored(store, known, ALERT))

    assert shown.problem == ""
    assert shown.course is not None
    assert shown.course.times[-1] == pytest.approx(known.at + 240)
    assert max(shown.course.values) == 1.84
    assert set(shown.course.expected) == {0.31}
    assert max(shown.course.scores) == 0.97
    assert set(shown.course.thresholds) == {0.6}
    message = shown.message
    assert message.reading is not None
    assert (message.reading.value, message.reading.unit) == (1.84, "seconds")
    assert "is above the band" in message.why
    assert message.links.graph.startswith(f"{known.url}/graph?")
    assert message.status == "firing"


async def test_what_is_over_is_shown_with_its_end_and_no_link_to_silence_it(
    store: Store, known: KnownPrometheus, showing: Showing
) -> None:
    row = await stored(store, known, ALERT, ends_at=known.at + 60)
    shown = await showing.show(row)
    assert shown.course is not None
    assert (shown.message.status, shown.message.ends_at) == ("resolved", known.at + 60)
    assert shown.message.links.silence == ""
    # What was so when it began, not what is so now.
    assert "is above the band" in shown.message.why


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"alertname": "DiskFull"}, "the alert does not say of which query it is"),
        ({"alertname": "A", "query": "nobody"}, "Prometheus has no samples of this series"),
    ],
)
async def test_why_there_is_no_chart_is_said(
    store: Store,
    known: KnownPrometheus,
    showing: Showing,
    labels: dict[str, str],
    said: str,
) -> None:
    shown = await showing.show(await stored(store, known, labels))
    assert shown.course is None
    assert shown.problem.startswith(said)


async def test_a_prometheus_that_is_down_costs_only_what_it_knows(
    store: Store, known: KnownPrometheus
) -> None:
    showing = show_with(store, ManualClock(known.at), "prometheus: {url: 'http://127.0.0.1:9'}")
    shown = await showing.show(await stored(store, known, ALERT))
    assert shown.problem == "Prometheus could not be asked (unreachable)"
    assert shown.message.reading is None
    assert await showing.in_force([("latency", {})]) == ({}, shown.problem)
    showing.close()


async def test_thresholds_in_force_are_those_of_now(showing: Showing) -> None:
    one = {name: value for name, value in SERIES.items() if name != "query"}
    places = [("latency", {}), ("latency", one), ("nobody", {}), ("latency", {"pod": "none"})]
    assert await showing.in_force(places) == ({0: (0.6, 0.6), 1: (0.6, 0.6)}, "")
    assert await showing.in_force([]) == ({}, "")


async def test_the_page_draws_what_prometheus_knows(store: Store, known: KnownPrometheus) -> None:
    await stored(store, known, ALERT, ends_at=known.at + 60)
    async with running(store, yaml=f"prometheus: {{url: '{known.url}'}}") as site:
        page = await (await site.client.get("/incidents/1")).text()
        assert page.count("<svg") == 2
        assert "<dd>1.84 s</dd>" in page
        assert "The score reaches 0.97; the threshold is 0.6." in page
        assert 'style="' not in page
