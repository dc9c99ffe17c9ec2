"""The key `drift`: defaults, bounds, cross-checks."""

import pytest

from exporter.config import QueryConfig, parse_config
from exporter.errors import ConfigError
from exporter.planning import drift_fingerprint, drift_plan_of, fingerprint
from exporter.settings.drift import DriftConfig, drift_in_words

DAY = 86_400.0


def query_of(drift: str, more: str = "") -> tuple[QueryConfig, DriftConfig]:
    text = f"queries:\n- name: a\n  expr: up\n{more}  drift: {drift}\n"
    (query,) = parse_config(text, "c.yml").all_queries()
    assert query.drift is not None
    return query, query.drift


def test_the_defaults() -> None:
    query, drift = query_of("{}", "  timezone: Europe/Berlin\n")
    assert (drift.reference, drift.window, drift.step) == (7 * DAY, 3 * DAY, 300.0)
    assert (drift.interval, drift.retake, drift.by) == (3_600.0, None, ())
    assert [test.name for test in drift.tests] == ["ks", "psi", "wasserstein"]
    plan = drift_plan_of(query, drift)
    assert (plan.step, plan.reference, plan.window, plan.retake) == (300_000, 2016, 864, None)
    assert str(plan.zone) == "Europe/Berlin"
    assert drift_in_words(drift) == (
        "by ks, psi, wasserstein, every 1h: the last 3d beside a baseline of 1w, in steps of 5m; "
        "taken anew on command only"
    )
    _, drift = query_of("{retake: 28d, tests: [{kind: ks, alpha: 0.001}]}", "  step: 2h\n")
    assert (drift.step, drift.interval, drift.tests[0].alpha) == (7_200.0, 7_200.0, 0.001)
    assert drift_in_words(drift).endswith("taken anew when it is 4w old")


@pytest.mark.parametrize(
    ("given", "days"),
    [
        ("{reference: 28d}", 3),
        ("{reference: 7d}", 3),
        ("{reference: 6d}", 1),
        ("{reference: 1d}", 1),
        ("{reference: 6d, window: 4d}", 4),
    ],
)
def test_the_window_is_three_days_where_the_baseline_holds_a_week(given: str, days: int) -> None:
    assert query_of(given)[1].window == days * DAY


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{step: 5s}", "step: found 5s, which is less than the query's step of 15s; take that"),
        ("{reference: 1h}", "reference: found 1h, which is less than the window of 1d; take"),
        ("{retake: 1h}", "retake: found 1h, which is less than the window of 3d; take"),
        ("{window: 31m}", "window: found 31m, which is no multiple of the step of 5m; change"),
        ("{window: 45m}", "window: found 45m; allowed: 50m, which is 10 steps, or more"),
        ("{reference: 90d}", "reference: found 90d; allowed: up to 1666h40m"),
        ("{interval: 1m}", "interval: found 1m, which is less than the step of 5m; take that"),
        ("{tests: []}", "tests: "),
        ("{tests: [{kind: ks}, {kind: ks}]}", "tests[1].kind: found ks a second time; list each"),
        ("{tests: [{kind: kx}]}", "tests[0]"),
        ("{windw: 1d}", "windw: "),
    ],
)
def test_what_does_not_go_together_is_refused(given: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        query_of(given)
    assert f"queries[0].drift.{said}" in caught.value.problems[0]


def test_what_a_baseline_depends_on() -> None:
    query, _ = query_of("{}")
    marks = {drift_fingerprint(query)}
    for given in ("{retake: 7d}", "{window: 2d}", "{interval: 2h}", "{tests: [{kind: ks}]}"):
        marks.add(drift_fingerprint(query_of(given)[0]))
    assert len(marks) == 1
    marks.add(drift_fingerprint(query_of("{reference: 14d}")[0]))
    marks.add(drift_fingerprint(query_of("{step: 10m}")[0]))
    marks.add(drift_fingerprint(query.model_copy(update={"expr": "down"})))
    assert len(marks) == 4
    assert fingerprint(query) == fingerprint(query.model_copy(update={"drift": None}))


def test_a_query_may_be_checked_for_drift_alone() -> None:
    query, _ = query_of("{}", "  ensemble: none\n")
    assert query.detectors == ()
    with pytest.raises(ConfigError, match="found none without a `forecast` or `drift`"):
        parse_config("queries: [{name: a, expr: up, ensemble: none}]", "c.yml")
