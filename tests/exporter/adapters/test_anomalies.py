import json
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient

from exporter.adapters.anomalies import Anomalies, Wanted
from exporter.adapters.pagerows import Overview
from exporter.adapters.web import create_app
from exporter.explain import Explanation, Occurrence, labels_of

NAN, INF = float("nan"), float("inf")
ODD = Explanation(
    query="load",
    labels=labels_of(b'{"host":"<script>","odd":"\\ud800\xff"}'),
    since=1_763_700_000.0,
    score=0.91,
    threshold=0.6,
    level=1.0,
    value=INF,
    expected=NAN,
    lower=NAN,
    upper=NAN,
    sigmas=NAN,
    direction=None,
    contributions={"mad": 1.0},
    weight_ratios={"mad": 0.8},
    reason="inf is unusual for <this> series; mad 100 %",
    occurrences=(Occurrence(1_763_690_000.0, 75.0, NAN),),
)


def app_of(total: int) -> web.Application:
    def anomalies(wanted: Wanted) -> Anomalies:
        count = min(total, wanted.limit) if wanted.query in (None, "load") else 0
        return Anomalies(total, [ODD] * count)

    def render() -> Iterator[bytes]:
        yield b""

    return create_app(render, lambda: Overview(version="1", now=0.0), anomalies, ())


async def test_programs_get_json(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(app_of(3))
    response = await client.get("/api/v1/anomalies?limit=2&query=load")
    answer = json.loads(await response.text())
    assert (response.status, response.content_type) == (200, "application/json")
    assert (answer["total"], len(answer["anomalies"])) == (3, 2)
    assert "NaN" not in await response.text()
    assert answer["anomalies"][0] == {
        "query": "load",
        "labels": {"host": "<script>", "odd": "?\ufffd"},
        "since": "2025-11-21T04:40:00.000Z",
        "score": 0.91,
        "threshold": 0.6,
        "level": 1.0,
        "value": None,
        "expected": None,
        "lower": None,
        "upper": None,
        "sigmas": None,
        "direction": None,
        "contributions": {"mad": 1.0},
        "weight_ratios": {"mad": 0.8},
        "reason": "inf is unusual for <this> series; mad 100 %",
        "occurrences": [
            {"start": "2025-11-21T01:53:20.000Z", "duration_seconds": 75.0, "sigmas": None}
        ],
    }


async def test_the_documented_answer_is_of_that_form(aiohttp_client: AiohttpClient) -> None:
    page = Path(__file__).parents[3] / "docs" / "explanations.md"
    example = json.loads(page.read_text().partition("```json\n")[2].partition("```")[0])
    client = await aiohttp_client(app_of(1))
    answer = await (await client.get("/api/v1/anomalies")).json()
    assert example.keys() == answer.keys()
    (documented,), (given,) = example["anomalies"], answer["anomalies"]
    assert list(documented) == list(given)
    assert list(documented["occurrences"][0]) == list(given["occurrences"][0])


async def test_only_the_worst_of_what_was_asked_for(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(app_of(5000))
    for parameters, count in (("", 100), ("?limit=1000", 1000), ("?query=other", 0)):
        answer = await (await client.get(f"/api/v1/anomalies{parameters}")).json()
        assert len(answer["anomalies"]) == count
    for limit in ("0", "1001", "0010099999", "x", "-1", "²", ""):
        response = await client.get(f"/api/v1/anomalies?limit={limit}")
        assert response.status == 400
        assert "allowed: 1 to 1000" in (await response.json())["error"]
    response = await client.get("/api/v1/anomalies?limt=5")
    assert response.status == 400
    assert "allowed: limit, query" in (await response.json())["error"]


async def test_people_get_a_table(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(app_of(25))
    page = await (await client.get("/")).text()
    assert "<span>host=&quot;&lt;script&gt;&quot;, odd=&quot;?\ufffd&quot;</span>" in page
    assert "<span>2025-11-21 04:40:00 UTC</span>" in page
    assert "<span>inf is unusual for &lt;this" in page
    assert page.count("<span>0.91</span>") == 20
    assert "25 series are anomalous" in page
    assert "and 5 more" in page
    assert "<script>" not in page
    calm = await aiohttp_client(app_of(0))
    assert "Nothing is anomalous now." in await (await calm.get("/")).text()
