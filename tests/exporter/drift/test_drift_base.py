from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from exporter.core.series import Floats
from exporter.drift import ALL, AnyDriftTest
from exporter.drift.base import NONE, DriftTest
from exporter.drift.isolation_forest import IsolationForest
from exporter.drift.ks import Ks
from exporter.drift.psi import Psi
from exporter.drift.samples import ROWS, reference_of, samples_of
from exporter.drift.together import Together
from exporter.errors import DriftError

A = TypeVar("A")
B = TypeVar("B")

PARSE: TypeAdapter[object] = TypeAdapter(AnyDriftTest)


def pair_of(series: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(series)
    recent = rng.normal(0, 1, (series, 50))
    recent[::5] += 2.0
    return rng.normal(0, 1, (series, 200)), recent


def test_a_pool_of_threads_gives_the_same() -> None:
    one, other = pair_of(3 * ROWS + 7)
    reference, recent = reference_of(one), samples_of(other)
    with ThreadPoolExecutor(2) as pool:

        def each(work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
            return pool.map(work, items)

        shared = Ks().compare(reference_of(one, each=each), recent, each=each)
    alone = Ks().compare(reference, recent)
    for name in ("statistic", "p_value", "severity"):
        np.testing.assert_array_equal(getattr(shared, name), getattr(alone, name))
    assert (alone.severity[::5] > NONE).all()
    assert (alone.severity.reshape(-1, 5)[:, 1:] > NONE).sum() <= 10


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_no_series_is_no_drift(kind: type[DriftTest]) -> None:
    drift = kind().judge([])
    assert drift.statistic.shape == drift.p_value.shape == drift.severity.shape == (0,)


def test_what_does_not_fit_is_refused() -> None:
    one, other = pair_of(5)
    with pytest.raises(DriftError, match="drift test psi: the reference is of 5 series, the wind"):
        Psi().compare(reference_of(one), samples_of(other[:3]))
    with pytest.raises(DriftError, match="IndexError"):
        IsolationForest().measure(Together(one, other, np.arange(9), np.arange(5), 1))


def test_fewer_than_five_independent_samples_cannot_tell() -> None:
    one = np.random.default_rng(1).normal(0, 1, (1, 500))
    for count, tells in ((4, False), (9, True)):
        drift = Ks().compare(reference_of(one), samples_of(np.full((1, count), 50.0)))
        assert np.isnan(drift.statistic[0]) != tells
        assert (drift.severity[0] > NONE) == tells


def test_a_kind_is_chosen_by_its_name() -> None:
    assert PARSE.validate_python({"kind": "ks", "alpha": 0.05}) == Ks(alpha=0.05)
    with pytest.raises(ValidationError, match="'isolation_forest', 'ks', 'psi', 'wasserstein'"):
        PARSE.validate_python({"kind": "chi2"})
    with pytest.raises(ValidationError, match="must not descend"):
        PARSE.validate_python({"kind": "psi", "high": 0.05})
    with pytest.raises(ValidationError, match="alhpa"):
        PARSE.validate_python({"kind": "psi", "alhpa": 0.05})
