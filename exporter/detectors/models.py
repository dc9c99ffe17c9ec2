"""How does a sample of vectors become a model with calibrated answers, once per sample?

A model is a pure function of its sample and a seed. It is made when it is first needed, also after
a restart, and kept in this process by the digest of what it was made of. Nothing of it is stored.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from exporter.core.kernels import compiled
from exporter.core.rarity import Rarity, rarity_of
from exporter.core.series import Floats

Floats32: TypeAlias = npt.NDArray[np.float32]

Model: TypeAlias = Callable[[Floats32], Floats]
"""Vectors [N, F] to how odd they are, float64 [N]: a depth, or a distance on a log scale."""

GRAIN: Final = 0.1
"""Normal noise that is laid over a sample, so that series that hardly move do not make a model that
knows nothing but one point."""

LEAST_VARIANCE: Final = 0.05
"""Directions in which a group varies less than this count as if it varied so much."""

KEPT: Final = 2048
"""Models that stay in the process."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model, the way into it and what its answers mean.

    Parameters
    ----------
    center, matrix : float64 [F], [F, F]; a vector goes in as (vector - center) @ matrix
    model : gives raw scores
    rarity : how rare these are
    """

    center: Floats
    matrix: Floats
    model: Model
    rarity: Rarity

    def rate(self, vectors: Floats32) -> Floats:
        """Return the raw scores [N] of vectors [N, F]."""
        return self.model(project(vectors, self.center, self.matrix))


class ModelStore:
    """The models of this process; those not asked for longest are dropped.

    Parameters
    ----------
    limit : models to keep
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._models: dict[bytes, Fitted] = {}
        self._lock = Lock()

    def obtain(self, digest: bytes, make: Callable[[], Fitted]) -> Fitted:
        """Return the model of that digest, made now if it is not here."""
        with self._lock:
            found = self._models.pop(digest, None)
        found = found or make()
        with self._lock:
            self._models[digest] = found
            while len(self._models) > self._limit:
                del self._models[next(iter(self._models))]
        return found


STORE: Final = ModelStore(KEPT)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make a model of a sample.

    Parameters
    ----------
    fit : sample [N, F] -> model
    name : of everything that `fit` depends on, as text
    whiten : turn the axes so that what the dimensions have in common falls on few of them
    contamination, overlap : see `exporter.core.rarity.rarity_of`
    seed : of the noise
    """

    fit: Callable[[Floats32], Model]
    name: str
    whiten: bool
    contamination: float
    overlap: float
    seed: int

    def obtain(self, sample: Floats32, guide: Floats32) -> Fitted:
        """Return the model fitted to `sample` [N, F] and calibrated with `guide` [M, F]."""
        digest = hashlib.blake2b(digest_size=16)
        settings = (self.name, self.whiten, self.contamination, self.overlap, self.seed)
        digest.update(f"{settings} {sample.shape} {guide.shape} ".encode())
        digest.update(sample.tobytes())
        digest.update(guide.tobytes())
        return STORE.obtain(digest.digest(), lambda: self.make(sample, guide))

    def make(self, sample: Floats32, guide: Floats32) -> Fitted:
        """Do what `obtain` does, afresh."""
        rng = np.random.default_rng(self.seed)
        grain = rng.normal(0.0, GRAIN, sample.shape)
        rough = (sample + grain).astype(np.float32)
        center = rough.mean(0, dtype=np.float64)
        matrix = axes(rough - center, whiten=self.whiten)
        model = self.fit(project(rough, center, matrix))
        grain = rng.normal(0.0, GRAIN, guide.shape)
        raw = model(project((guide + grain).astype(np.float32), center, matrix))
        return Fitted(center, matrix, model, rarity_of(raw, self.contamination, self.overlap))


def axes(sample: Floats, *, whiten: bool) -> Floats:
    """Return the matrix [F, F] that brings a sample [N, F] around 0 to variance 1 in every axis."""
    deviation = np.maximum(sample.std(0), GRAIN)
    if not whiten:
        return np.diag(1.0 / deviation)
    scaled = sample / deviation
    variance, turn = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    matrix: Floats = turn / np.sqrt(np.maximum(variance, LEAST_VARIANCE)) / deviation[:, None]
    return np.ascontiguousarray(matrix)


@compiled
def project(vectors: Floats32, center: Floats, matrix: Floats) -> Floats32:
    """Return (vectors - center) @ matrix, each row summed in the same order whatever N."""
    out = np.empty(vectors.shape, dtype=np.float32)
    for row in range(len(vectors)):
        for to in range(len(center)):
            total = 0.0
            for place in range(len(center)):
                total += (vectors[row, place] - center[place]) * matrix[place, to]
            out[row, to] = total
    return out
