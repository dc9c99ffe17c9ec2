"""Isolation forest: what few random cuts suffice to single out is odd."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.detectors.learned import LearnedDetector
from exporter.detectors.models import Floats32, Model


@dataclass(frozen=True, kw_only=True)
class IsolationForest(LearnedDetector):
    """Flag behaviour that few random cuts separate from all that was seen before.

    Parameters
    ----------
    trees : trees in the forest
    scope, window, features, sample, refit, contamination, accept_after, seed : see LearnedDetector

    Notes
    -----
    Warm-up is a window and 16 samples with many series, a window and half a sample with one. A gap
    is filled with the sample before it; after half a window of NaN a series comes anew. Inf is no
    sample. A score of 0.6 stands for one ordinary window in 16,000, as extrapolated from the scores
    of the newer half of the sample. A forest knows no distance, all that is beyond what it has seen
    is equally odd to it; so the distance from the centre is judged beside it, and the odder of
    both counts. scikit-learn grows the trees, a compiled loop walks them.

    References
    ----------
    Liu et al. (2008), doi:10.1109/ICDM.2008.17; contamination does not move a decision offset, as
    in scikit-learn, but the law by which raw scores become confidences.
    """

    kind: Literal["isolation_forest"] = "isolation_forest"
    trees: Annotated[int, Ge(1)] = 100

    def fit(self, sample: Floats32) -> Model:
        """Return the odder of two: a depth in the forest, a distance; both in spreads of theirs."""
        forest = grow(sample, self.trees, self.seed)

        def parts(vectors: Floats32) -> Floats:
            distance = np.sqrt(np.square(vectors, dtype=np.float64).sum(1))
            return np.stack([forest.depth(vectors), distance])

        middle, high = np.quantile(parts(sample), [0.5, 0.9], axis=1)
        spread = np.maximum(high - middle, 1e-6)

        def rate(vectors: Floats32) -> Floats:
            farther: Floats = ((parts(vectors) - middle[:, None]) / spread[:, None]).max(0)
            return farther

        return rate


@dataclass(frozen=True, slots=True)
class Forest:
    """The trees of a forest, one after the other.

    Parameters
    ----------
    roots : int64 [trees], where each begins
    links : int32 [nodes, 3], feature (negative in a leaf), left, right
    cuts : float64 [nodes], left is at most this; in a leaf, the depth that its samples add
    scale : turns a sum of depths into the exponent of the score
    """

    roots: Ints
    links: npt.NDArray[np.int32]
    cuts: Floats
    scale: float

    def depth(self, vectors: Floats32) -> Floats:
        """Return scikit-learn's score of vectors [N, F], 2^(-mean depth / expected depth)."""
        odd: Floats = np.exp2(self.scale * total_depth(vectors, self.roots, self.links, self.cuts))
        return odd


def grow(sample: Floats32, trees: int, seed: int) -> Forest:
    """Return the forest that scikit-learn grows on a sample [N, F]."""
    from sklearn.ensemble import IsolationForest as Grower

    picked = min(256, len(sample))
    grower = Grower(n_estimators=trees, max_samples=picked, random_state=seed).fit(sample)
    found = [estimator.tree_ for estimator in grower.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in found[:-1])])
    links = [
        np.stack([tree.feature, tree.children_left + root, tree.children_right + root], 1)
        for tree, root in zip(found, roots, strict=True)
    ]
    cuts = [
        np.where(tree.feature < 0, expected_depth(tree.n_node_samples), tree.threshold)
        for tree in found
    ]
    return Forest(
        roots,
        np.concatenate(links).astype(np.int32),
        np.concatenate(cuts),
        -1.0 / (trees * float(expected_depth(np.array([picked]))[0])),
    )


def expected_depth(count: Ints) -> Floats:
    """Return the mean depth at which one of `count` equal samples is singled out."""
    number = np.maximum(count, 2).astype(np.float64)
    depth = 2.0 * (np.log(number - 1.0) + np.euler_gamma) - 2.0 * (number - 1.0) / number
    return np.where(count > 2, depth, np.where(count == 2, 1.0, 0.0))


@compiled
def total_depth(
    vectors: Floats32, roots: Ints, links: npt.NDArray[np.int32], cuts: Floats
) -> Floats:
    """Return the depths of the leaves that each vector falls into, summed over the trees, [N].

    roots, links, cuts : see Forest
    """
    depth = np.zeros(len(vectors))
    for root in roots:
        for row in range(len(vectors)):
            node = root
            steps = 0.0
            while links[node, 0] >= 0:
                is_left = vectors[row, links[node, 0]] <= cuts[node]
                node = links[node, 1] if is_left else links[node, 2]
                steps += 1.0
            depth[row] += steps + cuts[node]
    return depth
