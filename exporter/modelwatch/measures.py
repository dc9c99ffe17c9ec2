"""How good are predictions whose truth is known, and how sure is that?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.modelwatch.day import Day, merged

LEAST: Final = 100
"""Predictions with a known truth, below which nothing is said of them."""

LEAST_DAYS: Final = 3
"""Days that hold some, below which nobody knows by how much F1 differs from day to day."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of some days; NaN where nothing can be said.

    Parameters
    ----------
    predictions : how many there were
    labelled : how many of these have a known truth
    precision, recall, f1, roc_auc : 0 to 1; each is NaN where it would divide by zero, such as
        recall where nothing was true
    roc_auc_bound : by how much ROC-AUC may be off, since scores are rounded; 0 where they are not
    """

    predictions: int
    labelled: int
    precision: float = math.nan
    recall: float = math.nan
    f1: float = math.nan
    roc_auc: float = math.nan
    roc_auc_bound: float = math.nan


def measures_of(days: Sequence[Day]) -> Measures:
    """Return what some days come to, all NaN if they hold fewer than `LEAST`."""
    whole = merged(days)
    if whole.labelled < LEAST:
        return Measures(whole.predictions, whole.labelled)
    true_positives, false_positives, false_negatives, _ = whole.confusion.tolist()
    area, bound = roc_auc(whole)
    return Measures(
        whole.predictions,
        whole.labelled,
        _share(true_positives, true_positives + false_positives),
        _share(true_positives, true_positives + false_negatives),
        f1_of(whole),
        area,
        bound,
    )


def f1_of(day: Day) -> float:
    """Return F1, 2 TP / (2 TP + FP + FN); NaN where nothing was true nor was said to be."""
    true_positives, false_positives, false_negatives, _ = day.confusion.tolist()
    return _share(2 * true_positives, 2 * true_positives + false_positives + false_negatives)


def roc_auc(day: Day) -> tuple[float, float]:
    """Return the area under the ROC curve, and by how much it may be off; NaN without both kinds.

    It is the share of pairs of one true and one untrue in which the true one has the higher score;
    equal ones count half (Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747). Rounding
    keeps order, so only pairs that it made equal can be off, each by a half.
    """
    positives, negatives = (each.astype(np.float64) for each in (day.positives, day.negatives))
    pairs = float(positives.sum() * negatives.sum())
    if not pairs:
        return math.nan, math.nan
    below = np.cumsum(negatives) - negatives
    equal = float(positives @ negatives) / 2
    area = (float(positives @ below) + equal) / pairs
    return area, equal / pairs if day.is_rounded else 0.0


def f1_error(days: Sequence[Day]) -> float:
    """Return the standard error of the F1 of some days; NaN if they are fewer than `LEAST_DAYS`.

    The larger of two: that of a share, of independent predictions; and the jackknife over days
    (Efron and Stein 1981, doi:10.1214/aos/1176345462), each left out in turn, since predictions of
    a day that repeat themselves, or err for one reason, are no independent evidence.
    """
    some = [day for day in days if day.labelled]
    if len(some) < LEAST_DAYS:
        return math.nan
    confusion = np.array([day.confusion for day in some], dtype=np.float64)
    true_positives, false_positives, false_negatives, _ = confusion.sum(0).tolist()
    relevant = true_positives + false_positives + false_negatives
    if not relevant:
        return math.nan
    # F1 is 2 q / (1 + q) of the share q = TP / (TP + FP + FN).
    share = true_positives / relevant
    binomial: float = 2 / (1 + share) ** 2 * math.sqrt(share * (1 - share) / relevant)
    left = confusion.sum(0) - confusion
    twice = 2 * left[:, 0]
    denominator = twice + left[:, 1] + left[:, 2]
    without = np.divide(twice, denominator, out=np.zeros_like(twice), where=denominator > 0)
    jackknife = math.sqrt((len(some) - 1) * float(np.var(without)))
    return max(binomial, jackknife)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
