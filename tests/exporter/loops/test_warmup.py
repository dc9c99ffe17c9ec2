"""When a query is warm, as far as that can be told."""

import json

import numpy as np
import pytest

from exporter.core.series import Floats, SeriesBatch
from exporter.detectors import ALL
from exporter.detectors.base import Detector
from exporter.detectors.mad import Mad
from exporter.detectors.zscore import ZScore
from exporter.loops.warmup import WarmUp, first_score

STEP = 15_000
NAN = float("nan")


def batch_of(values: Floats, names: str) -> SeriesBatch:
    keys = tuple(json.dumps({"row": name}).encode() for name in names)
    return SeriesBatch(keys, np.arange(values.shape[1]) * STEP, values, STEP)


def keys_of(names: str) -> tuple[bytes, ...]:
    return batch_of(np.ones((len(names), 1)), names).keys


def test_the_last_series_decides_and_gaps_do_not_count() -> None:
    some = WarmUp([ZScore(min_samples=100), Mad(min_samples=20)], STEP)
    assert some.ready_in(keys_of("a")) == 20 * 15.0
    values = np.ones((2, 8))
    values[1, :5] = NAN
    some.note(batch_of(values, "ab"))
    assert some.ready_in(keys_of("a")) == 12 * 15.0
    assert some.ready_in(keys_of("ab")) == 17 * 15.0
    some.note(batch_of(np.ones((2, 1)), "ab"))
    some.note(batch_of(np.ones((2, 4)), "cb"))  # in another order, and one is gone for a while
    assert [some.ready_in(keys_of(name)) for name in "abcd"] == [165.0, 180.0, 240.0, 300.0]
    some.note(batch_of(np.ones((3, 30)), "cba"))
    assert some.ready_in(keys_of("abc")) is None  # they should be warm; why they are not is unknown


def test_it_is_counted_only_while_there_is_somebody_to_wait_for() -> None:
    some = WarmUp([Mad(min_samples=20)], STEP)
    some.note(batch_of(np.ones((1, 8)), "a"))
    some.only_while(0)
    some.note(batch_of(np.ones((1, 8)), "a"))
    assert some.ready_in(keys_of("a")) == 300.0
    some.only_while(1)
    some.note(batch_of(np.ones((1, 8)), "a"))
    assert some.ready_in(keys_of("a")) == 180.0
    some.begin()
    assert some.ready_in(keys_of("a")) == 300.0


TELLING = [kind() for kind in ALL if "min_samples" in kind.__dataclass_fields__]


@pytest.mark.parametrize("detector", TELLING, ids=lambda one: one.name)
def test_what_detectors_say_of_their_warm_up_is_so(detector: Detector) -> None:
    needed = first_score(detector)
    values = np.random.default_rng(2).normal(10.0, 1.0, (1, needed + 5))
    batch = batch_of(values, "a").on_clock(None)
    _, scores = detector.advance(detector.fresh(1), batch)
    first = int(np.flatnonzero(~np.isnan(scores.score[0]))[0])
    assert abs(first - needed) < 5  # some learn from differences, or from forecasts
