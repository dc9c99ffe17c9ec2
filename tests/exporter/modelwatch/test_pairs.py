"""Does each prediction find its truth?"""

import json

import numpy as np
import pytest

from exporter.core.series import Floats, SeriesBatch
from exporter.errors import ModelError
from exporter.modelwatch.pairs import pairs_of

NAN = np.nan


def batch(series: dict[str, list[float]]) -> SeriesBatch:
    """Return a batch; a name such as `a=1,b=2` is its labels."""
    keys = tuple(
        json.dumps(dict(pair.split("=") for pair in name.split(",") if pair)).encode()
        for name in series
    )
    columns = len(next(iter(series.values()), []))
    values: Floats = np.array(list(series.values()), dtype=np.float64)
    times = np.arange(columns, dtype=np.int64)
    return SeriesBatch(keys, times, values.reshape(len(keys), columns), 1)


def test_they_find_each_other_by_all_labels_but_the_name() -> None:
    predictions = batch({"__name__=p,a=1,b=2": [0.5, NAN], "__name__=p,a=2": [0.25, np.inf]})
    labels = batch({"__name__=t,a=2": [1, 1], "b=2,a=1": [0, 0], "a=3": [1, 1]})
    pairs = pairs_of(predictions, labels, None)
    np.testing.assert_array_equal(pairs.scores, [[0.5, NAN], [0.25, NAN]])
    np.testing.assert_array_equal(pairs.truths, [[0, 0], [1, 1]])
    assert pairs.odd == 0


def test_several_predictions_may_share_a_truth_and_several_series_may_tell_it() -> None:
    predictions = batch({"user=1,pod=a": [0.5, 0.6], "user=1,pod=b": [0.1, 0.2], "pod=c": [1, 1]})
    labels = batch({"user=1,job=x": [1, NAN], "user=1,job=y": [NAN, 0]})
    pairs = pairs_of(predictions, labels, ("user",))
    np.testing.assert_array_equal(pairs.truths, [[1, 0], [1, 0], [NAN, NAN]])


def test_two_truths_at_once_are_an_error_that_says_which() -> None:
    labels = batch({"user=1,job=x": [1, 1], "user=1,job=y": [NAN, 1]})
    with pytest.raises(ModelError, match=r'two truths at once.*"job": "y"') as caught:
        pairs_of(batch({"user=1": [0.5, 0.5]}), labels, ("user",))
    assert caught.value.reason == "ambiguous"


def test_a_truth_that_is_neither_0_nor_1_is_left_out_and_counted() -> None:
    pairs = pairs_of(batch({"a=1": [0.5, NAN, 0.5]}), batch({"a=1": [2, 2, 1]}), None)
    np.testing.assert_array_equal(pairs.truths, [[NAN, NAN, 1]])
    assert pairs.odd == 1


def test_nothing_finds_nothing() -> None:
    none = batch({})
    assert pairs_of(none, none, None).scores.shape == (0, 0)
    np.testing.assert_array_equal(
        pairs_of(batch({"a=1": [1.0]}), batch({"b=1": [1]}), None).truths, [[NAN]]
    )
