"""Local outlier factor: what lies in emptier space than its neighbours is odd."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge

from exporter.core.series import Floats
from exporter.detectors.learned import LearnedDetector
from exporter.detectors.models import Floats32, Model


@dataclass(frozen=True, kw_only=True)
class Lof(LearnedDetector):
    """Flag behaviour that lies far from its nearest neighbours, for their density.

    Parameters
    ----------
    neighbours : of a vector, whose density it is compared with
    scope, window, features, sample, refit, contamination, accept_after, seed : see LearnedDetector

    Notes
    -----
    Warm-up, NaN, Inf and the meaning of a score are those of `isolation_forest`. The raw score is
    the factor itself.

    References
    ----------
    Breunig et al. (2000), doi:10.1145/342009.335388.
    """

    kind: Literal["lof"] = "lof"
    neighbours: Annotated[int, Ge(1)] = 20

    most: ClassVar[int] = 512

    def fit(self, sample: Floats32) -> Model:
        """Return the local outlier factor among the sample."""
        from sklearn.neighbors import LocalOutlierFactor

        model = LocalOutlierFactor(
            # Not by brute force, whose matrix products depend on how many are asked for at once.
            n_neighbors=min(self.neighbours, len(sample) - 1),
            algorithm="kd_tree",
            novelty=True,
        ).fit(sample)

        def rate(vectors: Floats32) -> Floats:
            factor: Floats = -model.score_samples(vectors).astype(np.float64)
            return factor

        return rate
