"""The key `models`: defaults, bounds, and what they mean in words."""

import pytest

from exporter.config import QueryConfig, parse_config
from exporter.errors import ConfigError
from exporter.settings.models import models_in_words


def query_of(more: str = "", interval: str = "15s") -> QueryConfig:
    text = f"evaluation_interval: {interval}\nqueries: [{{name: q, expr: up{more}}}]"
    (query,) = parse_config(text, "c.yml").all_queries()
    return query


def test_defaults() -> None:
    models = query_of().models
    assert models is not None
    assert models_in_words(models) == (
        "refitted every 1w and on drift, from 2w of history, judged by the last 6h or more; "
        "3 versions kept"
    )
    models = query_of(", models: {refit: null, on_drift: false, keep: 1}").models
    assert models is not None
    assert models_in_words(models).startswith("refitted on command only, from 2w")


def test_nothing_is_refitted_that_is_not_scored_or_not_to_be() -> None:
    assert query_of(", models: null").models is None
    assert query_of(", ensemble: none, drift: {}").models is None


@pytest.mark.parametrize(("interval", "tail"), [("1s", 10_000), ("15s", 21_600), ("8h", 28_800)])
def test_the_default_tail_suits_the_step(interval: str, tail: float) -> None:
    models = query_of(interval=interval).models
    assert models is not None
    assert models.tail == tail


def test_seconds_are_allowed() -> None:
    models = query_of(", models: {refit: 2s, tail: 1s}", interval="1s").models
    assert models is not None
    assert (models.refit, models.tail) == (2.0, 1.0)


@pytest.mark.parametrize("tail", ["10s", "42h"])
def test_a_tail_that_does_not_suit_the_step_is_refused(tail: str) -> None:
    with pytest.raises(ConfigError) as caught:
        query_of(f", models: {{tail: {tail}}}")
    assert caught.value.problems == (
        f"c.yml:2: queries[0].models.tail: found {tail}; allowed: 15s to 41h40m, which is 10000 "
        "of the query's steps",
    )
