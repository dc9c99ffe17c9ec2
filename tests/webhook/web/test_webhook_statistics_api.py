"""GET /api/v1/statistics."""

import pytest

from tests.webhook.deliveries import alert_json, body
from tests.webhook.web.site import Site

PATH = "/api/v1/statistics"


async def test_statistics_of_the_last_day_or_month(site: Site) -> None:
    await site.post(body(alert_json()))

    found = await site.json(f"{PATH}?per=day")

    assert found["per"] == "day"
    assert found["statistics"][0] == {
        "start": "2027-01-15T00:00:00.000Z",
        "measure": "incidents_opened",
        "query": "cpu",
        "severity": "critical",
        "number": 1,
    }
    assert (await site.json(PATH))["statistics"][0]["start"] == "2027-01-15T08:00:00.000Z"
    assert (await site.json(f"{PATH}?since=2027-01-15T09:00:00Z"))["statistics"] == []


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("per=week", "per is 'week'; allowed: hour, day"),
        ("since=yesterday", "since is 'yesterday'; allowed: unix seconds"),
        ("limit=1", "unknown parameter 'limit'; allowed: per, since"),
    ],
)
async def test_a_wrong_question_is_told_what_is_allowed(
    site: Site, query: str, problem: str
) -> None:
    answer = await site.client.get(f"{PATH}?{query}")

    assert answer.status == 400
    assert problem in (await answer.json())["error"]
