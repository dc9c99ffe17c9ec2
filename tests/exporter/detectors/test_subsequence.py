import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.scores import ANOMALOUS, LEARNABLE
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors import subsequence
from exporter.detectors.subsequence import Memory, Settings, Subsequence
from tests.reference.noise import NOISES

STEP = 15_000


def batch_of(values: Floats, first: int = 0) -> SeriesBatch:
    keys = tuple(b"%d" % row for row in range(len(values)))
    times = np.arange(first, first + values.shape[1], dtype=np.int64) * STEP
    return SeriesBatch(keys, times, values, STEP)


def slow_distance(values: Floats, end: int, length: int, history: int, *, center: bool) -> float:
    """Return the distance of the stretch that ends at `end`, by looking at every earlier one."""
    last = values[end + 1 - length : end + 1]
    found = []
    for start in range(max(0, end + 1 - history), end + 2 - 2 * length):
        other = values[start : start + length]
        gap = last - other - center * (last.mean() - other.mean())
        found.append(float(np.sqrt(np.square(gap).mean())))
    return min(found, default=np.inf)


@pytest.mark.parametrize("ignore_level", [False, True])
def test_the_nearest_agrees_with_the_slow_twin(ignore_level: bool) -> None:
    values = np.random.default_rng(1).normal(size=90).astype(np.float32)
    settings = Settings(8, 100, ignore_level)
    for end in (15, 16, 40, 70, 89):
        line = np.full(60, np.nan, dtype=np.float32)
        there = values[max(0, end - 59) : end + 1]
        line[60 - len(there) :] = there
        for kernel in (subsequence.nearest, uncompiled(subsequence.nearest)):
            distance, extent = kernel(line, np.ones(60, dtype=np.bool_), settings)
            expected = slow_distance(values.astype(np.float64), end, 8, 60, center=ignore_level)
            assert distance == pytest.approx(expected, rel=1e-5)
            assert 0 < extent < 7 or end < 17


def wave(columns: int, seed: int = 2) -> Floats:
    rng = np.random.default_rng(seed)
    return 50 + 10 * np.sin(np.arange(columns) * 2 * np.pi / 24) + rng.normal(0, 0.5, columns)


def test_a_stretch_of_another_shape_is_found_though_every_value_is_ordinary() -> None:
    values = wave(900)
    values[700:724] = values[700:724][::-1]
    detector = Subsequence()
    _, scores = detector.advance(detector.fresh(1), batch_of(values[None]))
    alarms = np.flatnonzero(scores.score[0] >= ANOMALOUS)
    assert len(alarms)
    assert alarms.min() >= 700
    assert alarms.max() < 724 + 16
    calm = np.delete(scores.level[0], np.arange(700, 740))
    assert np.nanmax(scores.level[0, 700:740]) > 2 * np.nanmax(calm[48:])


def test_what_was_odd_is_no_likeness_until_it_stays() -> None:
    values = wave(1500)
    values[700:716] = values[900:916] = 50.0
    detector = Subsequence()
    _, scores = detector.advance(detector.fresh(1), batch_of(values[None]))
    is_anomaly = scores.score[0] >= ANOMALOUS
    assert is_anomaly[700:732].any()
    assert scores.level[0, 900:932].max() > 0.5 * scores.level[0, 700:732].max()
    values = wave(1500)
    values[1000:] = 50.0 + np.random.default_rng(3).normal(0, 0.5, 500)
    _, scores = detector.advance(detector.fresh(1), batch_of(values[None]))
    assert (scores.score[0, 1016:1100] > LEARNABLE).all()
    assert not (scores.score[0, 1200:] >= ANOMALOUS).any(), "by now it is what the series does"


def test_ignoring_the_level_leaves_a_shift_of_the_level_alone() -> None:
    values = wave(900)
    values[700:] += 40.0
    levels = []
    for ignore_level in (False, True):
        detector = Subsequence(ignore_level=ignore_level)
        _, scores = detector.advance(detector.fresh(1), batch_of(values[None]))
        assert (scores.score[0, 700:716] >= ANOMALOUS).any(), "the edge is a shape of its own"
        levels.append(scores.level[0, 720:740].min())
    assert levels[0] > 5 * levels[1]


@pytest.mark.parametrize("noise", sorted(NOISES))
def test_stationary_noise_raises_hardly_an_alarm(noise: str) -> None:
    values = NOISES[noise](np.random.default_rng(4), 60, 1200)
    detector = Subsequence()
    _, scores = detector.advance(detector.fresh(60), batch_of(values))
    is_alarm = scores.score >= ANOMALOUS
    begun = is_alarm[:, 1:] & ~is_alarm[:, :-1]  # what is odd stays so for a while
    assert begun.mean() < 1e-4


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(900),
        np.repeat([5.0, 6.0], 450),
        np.where(np.random.default_rng(5).random(900) < 0.02, 1.0, 0.0),
        np.where(np.random.default_rng(6).random(900) < 0.02, np.nan, 3.0),
    ],
    ids=["zeros", "one-step", "bursts", "gaps"],
)
def test_flat_stretches_do_not_explode(values: Floats) -> None:
    detector = Subsequence()
    _, scores = detector.advance(detector.fresh(1), batch_of(values[None]))
    assert not (scores.score >= ANOMALOUS).any()


def test_a_gap_interrupts_for_a_window() -> None:
    values = wave(300)
    values[200] = np.inf
    detector = Subsequence()
    _, scores = detector.advance(detector.fresh(1), batch_of(values[None]))
    assert np.isnan(scores.score[0, 200:216]).all()
    assert np.isfinite(scores.score[0, 216:]).all()


def test_the_kernel_agrees_with_its_uncompiled_self() -> None:
    values = np.stack([wave(120), np.random.default_rng(7).standard_t(3, 120)])
    values[0, 100:] += 30
    detector = Subsequence(window=6, history=40)
    results = []
    for kernels in (False, True):
        state = detector.fresh(2)
        score, level = np.full((2, 120), np.nan), np.full((2, 120), np.nan)
        memory = Memory(*(state[name] for name in ("past", "is_known", "figures", "held")))
        compare = uncompiled(subsequence.compare) if kernels else subsequence.compare
        compare(values, memory, Settings(6, 9, False), score, level)
        results.append((score, level, *memory))
    for kernels, (_, _, _, _, figures, _) in zip((False, True), results, strict=True):
        for learn, arguments in (
            (subsequence.learn_tail, (0.1,)),
            (subsequence.learn_usual, (3.0,)),
        ):
            (uncompiled(learn) if kernels else learn)(figures[0], *arguments)
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_history_without_room_for_two_stretches_is_refused() -> None:
    Subsequence(window=16, history=32)
    with pytest.raises(ValueError, match="history of 32 samples, which is not twice the window of"):
        Subsequence(window=17, history=32)
