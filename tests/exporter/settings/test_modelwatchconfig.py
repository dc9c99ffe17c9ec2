"""The key `watched_models`: defaults, bounds, and what becomes of it."""

import pytest

from exporter.config import Config, parse_config
from exporter.errors import ConfigError
from exporter.planning import drift_plan_of, tally_fingerprint
from exporter.settings.modelwatch import WatchedModelConfig, watched_in_words

CHURN = """
watched_models:
  - name: churn
    version: "3"
    features:
      - avg(tenure)
      - 'orders:rate5m{shop="a"}'
      - {name: mood, expr: "rate(mood_total[$__rate_interval])"}
    prediction: churn_score
    label: max_over_time(churned[$__rate_interval])
    on: [customer]
    label_delay: 1d
    timezone: Europe/Berlin
    drift: {reference: 14d}
"""


def config_of(text: str) -> Config:
    return parse_config(text, "c.yml")


def model_of(more: str) -> WatchedModelConfig:
    text = f'watched_models: [{{name: m, version: "1", prediction: p, label: l{more}}}]'
    (model,) = config_of(text).all_watched_models()
    return model


def test_features_and_prediction_become_queries_that_are_checked_for_drift() -> None:
    config = config_of(CHURN)
    queries = config.all_queries()
    assert [(query.name, query.expr) for query in queries] == [
        ("churn.3.feature_1", "avg(tenure)"),
        ("churn.3.orders_rate5m", 'orders:rate5m{shop="a"}'),
        ("churn.3.mood", "rate(mood_total[1m])"),
        ("churn.3.prediction", "churn_score"),
    ]
    for query in queries:
        assert query.drift is not None
        assert (query.detectors, query.forecast) == ((), None)
        plan = drift_plan_of(query, query.drift)
        assert (plan.reference, str(plan.zone)) == (4_032, "Europe/Berlin")
    (model,) = config.watched_models
    mood, prediction = list(model.parts())[2:]
    assert mood.labels == {
        "model": "churn",
        "model_version": "3",
        "part": "feature",
        "feature": "mood",
    }
    assert prediction.labels == {"model": "churn", "model_version": "3", "part": "prediction"}


def test_the_defaults() -> None:
    (model,) = config_of(CHURN).all_watched_models()
    assert (model.decision, model.step, model.interval) == (0.5, 300.0, 3_600.0)
    assert model.label == "max_over_time(churned[5m15s])"
    assert watched_in_words(model) == (
        "every 1h: predictions in steps of 5m, 1 from 0.5, beside the truth of the same customer, "
        "which comes 1d later"
    )
    assert watched_in_words(model_of(", step: 1d")) == (
        "every 1d: predictions in steps of 1d, 1 from 0.5, beside the truth"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('{name: a, version: "1"}', ": found neither features nor a prediction; add at least"),
        ('{name: a, version: "1", features: [up], label: up}', ".label: found without a `pre"),
        ('{name: a, version: "1", prediction: up, on: [b]}', ".on: found without a `label`; add"),
        ('{name: a, version: "1", prediction: up, label: up, on: []}', ".on: found a list of 0"),
        ('{name: a, version: "1", features: [up, up]}', ".features[1]: found 'up' a second time"),
        ('{name: a, version: "1", features: [prediction]}', ".features[0]: found the name predi"),
        ('{name: a, version: "1/2", features: [up]}', ".version: found the text '1/2'; allowed"),
        (
            '{name: a, version: "1", prediction: up, label: up, label_delay: 7m}',
            ".label_delay: found 7m, which is no multiple of the step of 5m; change one",
        ),
        (
            '{name: a, version: "1", prediction: up, label: up, interval: 1m}',
            ".interval: found 1m, which is less than the step of 5m; take that or more",
        ),
        (
            '{name: a, version: "1", prediction: up, drift: {window: 31m}}',
            ".drift.window: found 31m, which is no multiple of the step of 5m; change one",
        ),
        (
            '{name: a, version: "1", prediction: up, label: up, baseline_f1: 1}',
            ".baseline_f1: found the number 1; allowed: less than 1",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(given: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(f"watched_models: [{given}]")
    assert f"watched_models[0]{said}" in caught.value.problems[0]


def test_names_are_unique_those_of_queries_included() -> None:
    one = '{name: a, version: "1", features: [up]}'
    with pytest.raises(ConfigError, match="'a' a second time; names of models are unique"):
        config_of(f"watched_models: [{one}, {one}]")
    with pytest.raises(ConfigError, match=r"'a', of which 'a\.1\.up' becomes a query that is"):
        config_of(f"watched_models: [{one}]\nqueries: [{{name: a.1.up, expr: up}}]")
    with pytest.raises(ConfigError, match="neither queries nor presets nor watched_models"):
        config_of("evaluation_interval: 5s")


def test_what_is_counted_depends_on() -> None:
    marks = {tally_fingerprint(model_of(""))}
    for same in (", interval: 2h", ", baseline_f1: 0.5", ", drift: {reference: 14d}"):
        marks.add(tally_fingerprint(model_of(same)))
    assert len(marks) == 1
    for other in (", decision: 0.6", ", on: [a]", ", label_delay: 1h", ", step: 1m"):
        marks.add(tally_fingerprint(model_of(other)))
    assert len(marks) == 5
