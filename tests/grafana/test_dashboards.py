"""Do the dashboards fit Grafana, Prometheus and the metrics that exist?"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana.catalogue import known_metrics, metrics_in
from tests.grafana.expressions import DASHBOARDS, dashboard_expressions, may_be_empty, panels

PROVISIONING = DASHBOARDS[0].parents[1] / "provisioning"


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(params=DASHBOARDS, ids=lambda path: path.stem)
def dashboard(request: pytest.FixtureRequest) -> Path:
    path = request.param
    assert isinstance(path, Path)
    return path


def test_dashboards_can_be_linked_to() -> None:
    identities = [(load(path)["uid"], load(path)["title"]) for path in DASHBOARDS]
    uids, titles = zip(*identities, strict=True)
    assert len(set(uids)) == len(set(titles)) == len(DASHBOARDS)
    assert all(re.fullmatch(r"[\w-]{1,40}", uid) for uid in uids)


def test_panels_have_ids_titles_and_places_of_their_own(dashboard: Path) -> None:
    every = list(panels(dashboard))
    assert len({panel["id"] for panel in every}) == len(every)
    assert len({panel["title"] for panel in every}) == len(every)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in every)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells), "panels overlap"
    assert max(x for x, _ in cells) < 24


def test_panels_ask_the_chosen_data_source_and_say_what_they_show(dashboard: Path) -> None:
    for panel in panels(dashboard):
        if panel["type"] == "row":
            continue
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} == {"${datasource}"}, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references), panel["title"]


def test_variables_are_declared_and_used(dashboard: Path) -> None:
    board = load(dashboard)
    declared = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(board)))
    assert used == declared


def test_expressions_use_metrics_that_exist() -> None:
    used = {metric for _, _, expr in dashboard_expressions() for metric in metrics_in(expr)}
    assert used
    assert used <= known_metrics()


def test_expressions_have_no_variable_left() -> None:
    assert [each for each in dashboard_expressions() if "$" in each[2]] == []


def test_expressions_are_promql(tmp_path: Path) -> None:
    rules = [
        {"record": f"{board}:{position}", "expr": expr, "labels": {"panel": title}}
        for position, (board, title, expr) in enumerate(dashboard_expressions())
    ]
    file = tmp_path / "dashboards.rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", file], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("anomaly_score", False),
        ("anomaly_score >= anomaly_threshold", True),
        ("count(anomaly_series_missing) or vector(0)", False),
        ("sum(rate(anomaly_exporter_query_failures_total[1m])) > 0", True),
    ],
)
def test_some_expressions_find_nothing_when_all_is_well(expr: str, expected: bool) -> None:
    assert may_be_empty(expr) is expected


def test_provisioning_finds_source_and_dashboards() -> None:
    sources = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())
    assert [source["type"] for source in sources["datasources"]] == ["prometheus"]
    providers = yaml.safe_load((PROVISIONING / "dashboards" / "anomaly.yml").read_text())
    folder = providers["providers"][0]["options"]["path"]
    compose = yaml.safe_load((PROVISIONING.parents[1] / "docker-compose.yml").read_text())
    assert f"./grafana/dashboards:{folder}:ro" in compose["services"]["grafana"]["volumes"]
