"""What the webhook thinks an ensemble's score is, the exporter makes of the same votes."""

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.scores import Scores, blank_scores
from exporter.ensemble import Combination, Combine, combine
from webhook.core.weights import Combine as Known
from webhook.core.weights import united

VOTES = st.lists(
    st.tuples(
        st.one_of(st.just(math.nan), st.integers(0, 20).map(lambda each: each / 20)),
        st.integers(1, 10).map(lambda each: each / 10),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("kind", get_args(Combine))
@given(votes=VOTES, quorum=st.sampled_from([0.1, 0.3, 0.5, 0.75, 1.0]))
def test_votes_unite_as_in_the_exporter(
    kind: Combine, votes: list[tuple[float, float]], quorum: float
) -> None:
    scores = [_scores(score) for score, _ in votes]
    weights = [weight for _, weight in votes]
    expected = combine(scores, weights, Combination(kind=kind, quorum=quorum)).score[0, 0]
    names = [f"d{i}" for i in range(len(votes))]
    told = united(
        dict(zip(names, (score for score, _ in votes), strict=True)),
        dict(zip(names, weights, strict=True)),
        kind,
        quorum,
    )
    assert told == pytest.approx(float(expected), nan_ok=True)


def test_both_know_the_same_ways() -> None:
    assert get_args(Known) == get_args(Combine)


def _scores(score: float) -> Scores:
    return replace(blank_scores(1, 1), score=np.array([[score]]))
