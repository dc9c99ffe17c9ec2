import math
from pathlib import Path
from typing import get_args

import pytest

from exporter.config import load_preset, parse_config
from exporter.detectors.mad import Mad
from exporter.ensemble import Combination
from exporter.ensembles import EnsembleName, named_ensemble
from exporter.errors import ConfigError
from exporter.planning import fingerprint, plan_of

ROOT = Path(__file__).resolve().parents[2]

FULL = """
prometheus:
  url: https://prometheus.example.org/prefix
  scrape_interval: 30s
  basic_auth: {username: reader, password_file: secret}
evaluation_interval: 1m
queries:
  - name: errors
    expr: sum by (service) (rate(errors_total[$__rate_interval]))
    step: 30s
    direction: up
    range: [0, null]
    min_deviation: 0.5
    threshold: 0.8
    missing_for: 0
    detectors:
      - {kind: mad, weight: 2, window: 50, accept_after: 2h}
presets: [node]
state: {path: learned.state, interval: 30s}
"""


def test_everything_is_read() -> None:
    config = parse_config(FULL, "/etc/anomaly/exporter.yml")
    queries = {query.name: query for query in config.all_queries()}
    errors = queries["errors"]
    assert errors.expr == "sum by (service) (rate(errors_total[2m]))"
    assert (errors.step, errors.lookback, errors.grace) == (30.0, 2 * (50 + 5) * 30.0, 60.0)
    assert errors.detectors == (Mad(weight=2, window=50, accept_after=7200.0),)
    assert config.state.path == Path("/etc/anomaly/learned.state")
    assert queries["node_cpu_busy"].step == 60.0
    plan = plan_of(errors)
    assert (plan.policy.low, plan.policy.high) == (0.0, math.inf)
    assert (plan.policy.threshold, plan.missing_for, plan.grace) == (0.8, 0, 60_000)


@pytest.mark.parametrize(
    ("settings", "lookback"),
    [
        ("step: 15s", 1_000 * 15.0),
        ("step: 15s, ensemble: classic", 10_000 * 15.0),
        ("step: 5m, ensemble: classic", 14 * 86_400.0),
        ("step: 30d", 30 * 86_400.0),
        ("step: 15s, ensemble: classic, lookback: 60d", 60 * 86_400.0),
    ],
)
def test_the_default_lookback_is_bounded_in_columns_and_time(
    settings: str, lookback: float
) -> None:
    text = f"queries: [{{name: a, expr: up, {settings}}}]"
    (query,) = parse_config(text, "c.yml").all_queries()
    assert query.lookback == lookback


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("presets: [nod]", ["c.yml:1: presets[0]: ", "'node'"]),
        ("{}", ["add at least one"]),
        ("queries: [{name: a, expr: up, kind: x}]", ["c.yml:1: queries[0].kind"]),
        ("queries:\n- {name: a, expr: up}\n- {name: a, expr: up}", ["c.yml:3: ", "unique"]),
        ("queries: [{name: a, expr: up, range: [1, 0]}]", ["the first must be lower"]),
        ("queries: [{name: a, expr: up, threshold: 1.5}]", ["threshold"]),
        ("queries: [{name: 'a b', expr: up}]", ["queries[0].name"]),
        ("queries: [{name: a, expr: up, step: 15}]", ["did you mean 15s"]),
        ("queries: [{name: a, expr: up, step: 5ms}]", ["queries[0].step"]),
        ("queries: [{name: a, expr: up, detectors: [{kind: guess}]}]", ["mad", "zscore"]),
        ("queries: [{name: a, expr: up, detectors: []}]", ["queries[0].detectors"]),
        (
            "queries: [{name: a, expr: up, detectors: [{kind: mad}, {kind: mad}]}]",
            ["queries[0].detectors[1]", "once per query"],
        ),
        (
            "queries: [{name: a, expr: up, detectors: [{kind: mad, windw: 5}]}]",
            ["windw", "window"],
        ),
        (
            "queries: [{name: a, expr: up, ensemble: default, detectors: [{kind: mad}]}]",
            ["queries[0].ensemble", "not both"],
        ),
        ("queries: [{name: a, expr: up, ensemble: none}]", ["ensemble: found none without a `f"]),
        ("queries: [{name: a, expr: up, ensemble: best}]", ["queries[0].ensemble", "'classic'"]),
        ("queries: [{name: a, expr: up, combine: median}]", ["queries[0].combine", "'quorum'"]),
        ("queries: [{name: a, expr: up, quorum: 0.5}]", ["queries[0].quorum", "combine: quorum"]),
        ("queries: [{name: a, expr: up, combine: quorum, quorum: 0}]", ["queries[0].quorum"]),
        ("prometheus: {url: 'localhost:9090'}\npresets: [node]", ["prometheus.url"]),
    ],
)
def test_bad_configurations_say_where_and_what(text: str, expected: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_config(text, "c.yml")
    for part in expected:
        assert part in str(raised.value)


def test_all_problems_come_at_once() -> None:
    text = "evaluation_interval: 0s\nqueries: [{name: a, expr: ''}]\npresets: [x]\n"
    with pytest.raises(ConfigError) as raised:
        parse_config(text, "c.yml")
    assert len(raised.value.problems) == 3


def test_own_query_replaces_the_preset_of_that_name() -> None:
    text = "presets: [node]\nqueries: [{name: node_cpu_busy, expr: my_cpu}]"
    queries = parse_config(text, "c.yml").all_queries()
    assert [q.expr for q in queries if q.name == "node_cpu_busy"] == ["my_cpu"]
    assert len(queries) == len(load_preset("node").queries)


def test_the_fingerprint_covers_what_learned_state_depends_on() -> None:
    def mark(entry: str) -> str:
        (query,) = parse_config(f"queries: [{{name: a, {entry}}}]", "c.yml").all_queries()
        return fingerprint(query)

    base = mark("expr: up")
    assert mark("expr: up, threshold: 0.9, direction: up, max_series: 5, combine: max") == base
    assert mark("expr: up, ensemble: default") == base
    one = mark("expr: up, detectors: [{kind: mad}, {kind: zscore}]")
    assert mark("expr: up, detectors: [{kind: mad, weight: 3}, {kind: zscore}]") == one != base
    for other in ("expr: down", "expr: up, step: 1m", "expr: up, detectors: [{kind: mad}]"):
        assert mark(other) != base


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("expr: up, detectors: [{kind: mad}]", Combination()),
        ("expr: up, combine: max", Combination(kind="max")),
        ("expr: up, combine: quorum", Combination(kind="quorum", quorum=0.5)),
        ("expr: up, combine: quorum, quorum: 0.7", Combination(kind="quorum", quorum=0.7)),
    ],
)
def test_votes_are_combined_as_asked(entry: str, expected: Combination) -> None:
    (query,) = parse_config(f"queries: [{{name: a, {entry}}}]", "c.yml").all_queries()
    assert plan_of(query).combination == expected


@pytest.mark.parametrize("name", get_args(EnsembleName))
def test_every_named_ensemble_can_be_had(name: EnsembleName) -> None:
    text = f"queries: [{{name: a, expr: up, ensemble: {name}}}]"
    (query,) = parse_config(text, "c.yml").all_queries()
    plan, ensemble = plan_of(query), named_ensemble(name)
    assert (plan.detectors, plan.combination) == (ensemble.detectors, ensemble.combination)
    listed = [detector.name for detector in query.detectors]
    assert len(set(listed)) == len(listed)
    told = ", ".join(f"`{one.name}` {one.weight:g}" for one in query.detectors)
    row = f"| `{name}` | {told} | `{ensemble.combination.kind}` |"
    assert row in (ROOT / "docs" / "detectors.md").read_text()


@pytest.mark.parametrize("path", sorted(ROOT.glob("**/exporter.yml")), ids=str)
def test_shipped_configurations_are_valid(path: Path) -> None:
    assert parse_config(path.read_text(), str(path)).all_queries()
