"""One-class SVM: what lies outside the smooth boundary around the sample is odd."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Gt, Le

from exporter.core.kernels import compiled
from exporter.core.series import Floats
from exporter.detectors.learned import LearnedDetector
from exporter.detectors.models import Floats32, Model


@dataclass(frozen=True, kw_only=True)
class OneClassSvm(LearnedDetector):
    """Flag behaviour far from the support of what was seen before.

    Parameters
    ----------
    nu : share of the sample that the boundary may leave outside
    scope, window, features, sample, refit, contamination, accept_after, seed : see LearnedDetector

    Notes
    -----
    Warm-up, NaN, Inf and the meaning of a score are those of `isolation_forest`. The raw score is
    the distance that the mean Gaussian kernel of the support vectors stands for: the decision
    function by another name, but not the same for everything far away.

    References
    ----------
    Schoelkopf et al. (2001), doi:10.1162/089976601750264965.
    """

    kind: Literal["one_class_svm"] = "one_class_svm"
    nu: Annotated[float, Gt(0), Le(1)] = 0.1

    most: ClassVar[int] = 1024

    def fit(self, sample: Floats32) -> Model:
        """Return the distance from the support vectors."""
        from sklearn.svm import OneClassSVM

        gamma = 1.0 / sample.shape[1]
        model = OneClassSVM(kernel="rbf", gamma=gamma, nu=self.nu).fit(sample)
        support, weights = model.support_vectors_, model.dual_coef_[0]
        weights = weights / weights.sum()

        def rate(vectors: Floats32) -> Floats:
            return kernel_distance(vectors, support, weights, gamma)

        return rate


@compiled
def kernel_distance(vectors: Floats32, support: Floats, weights: Floats, gamma: float) -> Floats:
    """Return sqrt(-log(sum of weights * exp(-gamma * distance^2))) for each vector, float64 [N].

    In logarithms: far away the kernels themselves are nothing but rounding.

    support : float64 [V, F]
    weights : float64 [V], positive, of sum 1
    """
    found = np.empty(len(vectors))
    square = np.empty(len(support))
    for row in range(len(vectors)):
        for other in range(len(support)):
            total = 0.0
            for place in range(support.shape[1]):
                gap = vectors[row, place] - support[other, place]
                total += gap * gap
            square[other] = total
        nearest = square.min()
        density = 0.0
        for other in range(len(support)):
            density += weights[other] * math.exp(-gamma * (square[other] - nearest))
        found[row] = math.sqrt(max(gamma * nearest - math.log(density), 0.0))
    return found
