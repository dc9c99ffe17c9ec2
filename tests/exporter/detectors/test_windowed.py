import numpy as np
import pytest

from exporter.core.scores import ANOMALOUS, BAND_SIGMAS, LEARNABLE, MAX_SIGMAS
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors.base import WindowedDetector
from exporter.detectors.mad import Mad
from exporter.detectors.zscore import ZScore
from tests.reference import windowed as slow

STEP = 15_000


def batch_of(*rows: list[float] | Floats) -> SeriesBatch:
    values = np.array(rows, dtype=np.float64)
    keys = tuple(b"%d" % row for row in range(len(values)))
    return SeriesBatch(keys, np.arange(values.shape[1], dtype=np.int64) * STEP, values, STEP)


def noise(columns: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(50.0, 2.0, columns)


@pytest.mark.parametrize(
    ("detector", "twin"),
    [
        (ZScore(window=15, min_samples=10, quarantine=4), slow.mean_and_deviation),
        (Mad(window=15, min_samples=10, quarantine=4), slow.median_and_mad),
    ],
    ids=["zscore", "mad"],
)
def test_baseline_agrees_with_the_slow_twin(detector: WindowedDetector, twin: object) -> None:
    assert callable(twin)
    values = np.random.default_rng(1).uniform(45.0, 55.0, 80)  # without outliers
    values[[3, 20, 21, 22, 50]] = np.nan
    _, scores = detector.advance(detector.fresh(1), batch_of(values))
    assert not (scores.score > LEARNABLE).any(), "the twin does not know what is not learned"
    for column in range(80):
        past = slow.learned_samples(values[:column].tolist(), 15, 10, 4)
        if len(past) < 10:
            assert np.isnan(scores.expected[0, column])
            continue
        center, spread = twin(past)
        assert scores.expected[0, column] == pytest.approx(center)
        assert scores.upper[0, column] - center == pytest.approx(BAND_SIGMAS * spread)
        if not np.isnan(values[column]):
            sigmas = (values[column] - center) / spread
            assert scores.sigmas[0, column] == pytest.approx(sigmas)


@pytest.mark.parametrize("detector", [ZScore(), Mad()], ids=["zscore", "mad"])
def test_flags_a_spike_on_its_sample_and_forgets_it(detector: WindowedDetector) -> None:
    values = noise(120)
    values[100] = 100.0
    _, scores = detector.advance(detector.fresh(1), batch_of(values))
    assert np.flatnonzero(scores.score[0] >= ANOMALOUS).tolist() == [100]
    assert scores.upper[0, 101] == pytest.approx(scores.upper[0, 100])


@pytest.mark.parametrize("detector", [ZScore(), Mad()], ids=["zscore", "mad"])
def test_an_incident_that_climbs_does_not_hide_itself(detector: WindowedDetector) -> None:
    """As a rate over a minute climbs at steps of five seconds."""
    climb = np.concatenate([np.linspace(0.0, 60.0, 13), np.full(60, 60.0)])
    values = noise(200)
    values[100:173] += climb
    _, scores = detector.advance(detector.fresh(1), batch_of(values))
    is_anomaly = scores.score[0] >= ANOMALOUS
    assert is_anomaly[105:173].all()
    assert not is_anomaly[:102].any()
    assert scores.upper[0, 175] == pytest.approx(scores.upper[0, 100], rel=0.05)


@pytest.mark.parametrize("detector", [ZScore(), Mad()], ids=["zscore", "mad"])
def test_ignores_a_slow_drift(detector: WindowedDetector) -> None:
    values = noise(400) + np.linspace(0.0, 20.0, 400)
    _, scores = detector.advance(detector.fresh(1), batch_of(values))
    assert not (scores.score >= ANOMALOUS).any()


@pytest.mark.parametrize("kind", [ZScore, Mad], ids=["zscore", "mad"])
def test_an_incident_is_not_learned_until_it_is_the_new_normal(
    kind: type[WindowedDetector],
) -> None:
    detector = kind(accept_after=50 * STEP / 1000)
    values = np.concatenate([noise(100), noise(200, seed=2) + 100.0])
    _, scores = detector.advance(detector.fresh(1), batch_of(values))
    is_anomaly = scores.score[0] >= ANOMALOUS
    assert is_anomaly[100:150].all(), "alarms for as long as it takes to accept the level"
    assert np.isnan(scores.score[0, 151 : 150 + detector.min_samples]).all(), "learns it afresh"
    assert not is_anomaly[151:].any()
    assert scores.expected[0, -1] == pytest.approx(150.0, abs=2.0)


def test_mad_by_hand() -> None:
    """Ten values 1..10: median 5.5, MAD 2.5, so 20 is 14.5 / (1.4826 * 2.5) = 3.912 away."""
    detector = Mad(window=10, min_samples=10)
    _, scores = detector.advance(detector.fresh(1), batch_of([*map(float, range(1, 11)), 20.0]))
    assert scores.expected[0, 10] == 5.5
    assert scores.sigmas[0, 10] == pytest.approx(3.912, abs=1e-3)


def test_zscore_by_hand() -> None:
    """Ten values 1..10: mean 5.5, standard deviation 3.0277, so 20 is 4.789 away."""
    detector = ZScore(window=10, min_samples=10)
    _, scores = detector.advance(detector.fresh(1), batch_of([*map(float, range(1, 11)), 20.0]))
    assert scores.expected[0, 10] == 5.5
    assert scores.sigmas[0, 10] == pytest.approx(4.7891, abs=1e-4)


@pytest.mark.parametrize("detector", [ZScore(), Mad()], ids=["zscore", "mad"])
def test_leaving_a_constant_is_certain_and_finite(detector: WindowedDetector) -> None:
    _, scores = detector.advance(
        detector.fresh(2), batch_of([5.0] * 120 + [6.0], [0.0] * 120 + [1])
    )
    assert scores.score[:, 120].tolist() == [1.0, 1.0]
    assert scores.sigmas[:, 120].tolist() == [MAX_SIGMAS, MAX_SIGMAS]
    assert np.isfinite(scores.upper[:, 120]).all()


def test_mad_of_mostly_equal_samples_does_not_collapse() -> None:
    """Half zeros and a few ones: the MAD is 0, but a one is nothing new."""
    values = np.zeros(101)
    values[::8] = 1.0
    values[100] = 1.0
    _, scores = Mad().advance(Mad().fresh(1), batch_of(values))
    assert scores.score[0, 100] < ANOMALOUS
