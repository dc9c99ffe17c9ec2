"""What do healthy series look like? Made up, of the kinds that operators know."""

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from scipy.signal import lfilter

from exporter.core.series import Floats

Kind: TypeAlias = Callable[[np.random.Generator, int], Floats]


def noise(rng: np.random.Generator, length: int) -> Floats:
    """Return a gauge that wavers around a level, mostly with slightly heavy tails."""
    dof = rng.choice([5.0, 8.0, 50.0])
    return np.asarray(rng.standard_t(dof, length))


def lagging(rng: np.random.Generator, length: int) -> Floats:
    """Return an autoregression: a load average, a queue."""
    return _filtered(rng.uniform(0.5, 0.98), noise(rng, length))


def smooth(rng: np.random.Generator, length: int) -> Floats:
    """Return an autoregression of an autoregression, with a little noise: memory in use."""
    slow = _filtered(rng.uniform(0.8, 0.98), lagging(rng, length))
    return np.asarray(slow + rng.uniform(0.0, 0.2) * slow.std() * noise(rng, length))


def walk(rng: np.random.Generator, length: int) -> Floats:
    """Return a random walk: a disk that fills and is cleaned, a price."""
    return np.cumsum(noise(rng, length))


def trend(rng: np.random.Generator, length: int) -> Floats:
    """Return a line with noise: a disk that fills."""
    steepness = rng.normal(0.0, 0.1)
    return steepness * np.arange(length) + lagging(rng, length)


def season(rng: np.random.Generator, length: int) -> Floats:
    """Return a season with harmonics and noise: traffic, at any step from seconds to hours."""
    period = np.exp(rng.uniform(np.log(8), np.log(1500)))
    angle = 2 * np.pi * (np.arange(length) / period + rng.uniform())
    wave = sum(
        rng.normal(0.0, 1.0 / order) * np.sin(order * angle + rng.uniform(0.0, 6.3))
        for order in (1, 2, 3)
    )
    rest = (noise, lagging)[rng.integers(2)](rng, length)
    share = np.exp(rng.uniform(np.log(0.005), np.log(0.5)))
    return np.asarray(wave / np.std(wave) + share * rest / rest.std())


def counts(rng: np.random.Generator, length: int) -> Floats:
    """Return whole numbers: errors or requests in an interval."""
    rate = np.exp(rng.uniform(np.log(0.3), np.log(100)) + 0.2 * lagging(rng, length))
    return np.asarray(rng.poisson(np.minimum(rate, 1e6)).astype(np.float64))


def positive(rng: np.random.Generator, length: int) -> Floats:
    """Return latencies: lognormal around a slow level."""
    level = 0.1 * _filtered(0.98, rng.normal(size=length))
    return np.asarray(np.exp(level + rng.uniform(0.1, 0.5) * rng.normal(size=length)))


def sawtooth(rng: np.random.Generator, length: int) -> Floats:
    """Return slow rises and sudden falls: a heap and its garbage collector."""
    period = rng.integers(5, 40)
    return np.asarray(np.arange(length) % period / period + 0.05 * noise(rng, length))


def jobs(rng: np.random.Generator, length: int) -> Floats:
    """Return a level with a job that comes back: a cron job's CPU."""
    period = int(rng.integers(6, 25))
    runs = np.arange(length) % period < max(1, period // 4)
    return np.asarray(runs * rng.uniform(2.0, 10.0) + noise(rng, length))


def stairs(rng: np.random.Generator, length: int) -> Floats:
    """Return a lagging series in few steps: replicas, connections, percent without decimals."""
    fine = lagging(rng, length)
    return np.asarray(np.round(fine / fine.std() * rng.uniform(0.7, 4.0)))


KINDS: Final[tuple[Kind, ...]] = (
    noise, lagging, smooth, walk, trend, season, season, season,
    counts, positive, sawtooth, jobs, stairs,
)  # fmt: skip


def generated(rng: np.random.Generator, each: int, length: int) -> list[Floats]:
    """Return `each` series of every kind, float64 [length]."""
    return [kind(rng, length) for kind in KINDS for _ in range(each)]


def _filtered(persistence: float, shocks: Floats) -> Floats:
    return np.asarray(lfilter([1.0], [1.0, -persistence], shocks), dtype=np.float64)
