import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.rarity import confidence_of, rarity_of
from exporter.core.reservoir import (
    SPARE,
    Pace,
    fresh_reservoir,
    judge,
    reservoir_of,
    training_sample,
)
from exporter.core.scores import DECADES


def test_confidence_is_the_rarity_of_an_exponential() -> None:
    guide = np.random.default_rng(1).exponential(2.0, 100_000)
    law = rarity_of(guide, 0.0, 1.0)
    for decades, less in ((0.5, 0.0), (1.0, 0.0), (2.0, 0.06), (3.0, 0.11)):
        raw = 2.0 * np.log(10.0) * decades
        expected = (1.0 - less) * decades  # the doubt that is added to every tail
        assert DECADES * confidence_of(raw, law) == pytest.approx(expected, abs=0.2)
        assert uncompiled(confidence_of)(raw, law) == confidence_of(raw, law)
    assert confidence_of(1e9, law) == 1.0
    assert confidence_of(-1.0, law) < 0.01


def test_heavy_tails_and_little_knowledge_make_less_confident() -> None:
    rng = np.random.default_rng(2)
    light, heavy = rng.exponential(1.0, 20_000), rng.pareto(3.0, 20_000)
    far = [confidence_of(40.0, rarity_of(guide, 0.0, 1.0)) for guide in (light, heavy)]
    assert far[1] < 0.8 * far[0]
    assert DECADES * far[1] == pytest.approx(3 * np.log10(41), rel=0.25)
    few = [
        confidence_of(10.0, rarity_of(np.sort(light)[:: 20_000 // n], 0.0, 4.0))
        for n in (20, 400, 20_000)
    ]
    assert few[0] < few[1] < few[2]


def test_contamination_leaves_the_highest_out() -> None:
    guide = np.concatenate([np.random.default_rng(3).normal(size=980), np.full(20, 50.0)])
    with_, without = (confidence_of(10.0, rarity_of(guide, share, 1.0)) for share in (0.0, 0.02))
    assert with_ < 0.4
    assert without > 0.6
    assert rarity_of(np.array([1.0]), 0.0, 1.0).knots.tolist() == [1.0] * 17


def test_a_reservoir_learns_what_is_ordinary_and_gives_back_what_was_fitted() -> None:
    """Vector t holds t: each column while there is room for 8, then each fourth; 20..22 are odd."""
    law = rarity_of(np.random.default_rng(4).exponential(1.0, 1000), 0.0, 1.0)
    raw, vectors = np.zeros((2, 60)), np.zeros((2, 60, 1), dtype=np.float32)
    vectors[:, :, 0] = np.arange(60) + 100 * np.arange(2)[:, None]
    raw[0, 20:23], raw[1, 50:] = 40.0, np.nan
    results = []
    for kernel in (judge, uncompiled(judge)):
        reservoir = reservoir_of(fresh_reservoir(2, 8, 1))
        scores = kernel(raw, vectors, reservoir, law, Pace(0, 4, 1, 100))
        results.append((scores, *reservoir))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other)
    assert (scores[0, 20:23] > 0.9).all()
    assert np.isnan(scores[1, 50:]).all()
    learned = [*range(8), *range(8, 60, 4)]
    learned.remove(20)
    assert reservoir.taken.tolist() == [len(learned), len(learned) - 2 + 1]
    reservoir.fitted[:] = reservoir.taken
    sample, guide = training_sample(reservoir, 100, 0)
    assert sample[:4, 0].tolist() == learned[-8:-4]
    assert guide[:4, 0].tolist() == learned[-4:]
    assert len(training_sample(reservoir, 3, 0)[0]) == 3
    assert reservoir.vectors.shape == (2, 8 + SPARE, 1)


def test_what_a_series_is_always_like_becomes_its_habit() -> None:
    law = rarity_of(np.random.default_rng(5).exponential(1.0, 1000), 0.0, 1.0)
    raw = np.full((1, 40), 30.0)
    reservoir = reservoir_of(fresh_reservoir(1, 8, 1))
    vectors = np.zeros((1, 40, 1), dtype=np.float32)
    scores = judge(raw, vectors, reservoir, law, Pace(0, 4, 1, 10))
    assert (scores[0, :11] > 0.9).all()
    assert (scores[0, 11:] < 0.2).all()
    assert reservoir.habit[0] == pytest.approx(30.0 - law.knots[-1])
