"""Quality agrees with scikit-learn wherever it says anything, and says nothing of a few cases."""

import math
import random

import pytest
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from webhook.core.quality import DAY, LEAST, Case, Quality, Said, Share, quality_of

NOW = 1_800_000_000.0
DETECTORS = ("mad", "zscore", "cusum")


def case(
    said: Said, days_ago: float = 1.0, peak: float = 0.9, began_at: float | None = None
) -> Case:
    return Case(NOW - days_ago * DAY, said, began_at, peak)


def of(
    cases: list[Case], window: str = "30d", unjudged: int = 0, first_days: float = 90
) -> Quality:
    return quality_of("cpu", window, cases, unjudged, NOW - first_days * DAY, NOW)


def history(seed: int) -> list[Case]:
    rng = random.Random(seed)
    kinds: list[Said] = ["confirmed", "false_alarm", "missed", "neither"]
    weights = [rng.random() for _ in kinds]
    return [
        Case(
            NOW - rng.uniform(0, 120) * DAY,
            rng.choices(kinds, weights)[0],
            # Rounded, so that scores tie.
            peak=rng.choice([None, round(rng.random(), 1)]),
            threshold=rng.choice([None, 0.5, 0.6]),
            detectors={name: round(rng.random(), 1) for name in DETECTORS if rng.random() < 0.7},
        )
        for _ in range(rng.choice([0, 3, 7, 40, 300]))
    ]


def theirs(truth: list[bool], said: list[bool]) -> tuple[float, float, float]:
    """Return precision, recall and F1 by scikit-learn; NaN where one divides by zero."""
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, said, average="binary", pos_label=True, zero_division=math.nan
    )
    return precision, recall, f1


def agree(mine: float | None, other: float) -> None:
    assert mine is None or mine == pytest.approx(other, abs=1e-12)


@pytest.mark.parametrize("window", ["7d", "30d", "90d"])
def test_scikit_learn_finds_the_same(window: str) -> None:
    seen = set()
    for seed in range(60):
        cases = history(seed)
        mine = of(cases, window)
        since = NOW - int(window[:-1]) * DAY
        judged = [each for each in cases if each.at >= since and each.said != "neither"]
        real = [each.said != "false_alarm" for each in judged]
        # What was told of: everything but the misses.
        told = [each.said != "missed" for each in judged]
        assert (mine.precision.value is None) == (sum(told) < LEAST)
        assert (mine.recall.value is None) == (sum(real) < LEAST)
        assert (mine.f1 is None) == (len(judged) < LEAST)
        if judged:
            precision, recall, f1 = theirs(real, told)
            agree(mine.precision.value, precision)
            agree(mine.recall.value, recall)
            agree(mine.f1, f1)
        known = [each for each in judged if each.peak is not None]
        truth = [each.said != "false_alarm" for each in known]
        assert (mine.roc_auc is None) == (len(known) < LEAST or len(set(truth)) < 2)
        if mine.roc_auc is not None:
            agree(mine.roc_auc, roc_auc_score(truth, [each.peak for each in known]))
        seen |= {mine.f1 is None, mine.roc_auc is None}
        for name in DETECTORS:
            _agree_on(mine, name, judged)
    assert seen == {True, False}


def _agree_on(mine: Quality, name: str, judged: list[Case]) -> None:
    known = [each for each in judged if name in each.detectors]
    if not known:
        assert name not in mine.detectors
        return
    detector = mine.detectors[name]
    truth = [each.said != "false_alarm" for each in known]
    if detector.roc_auc is not None:
        agree(detector.roc_auc, roc_auc_score(truth, [each.detectors[name] for each in known]))
    sure = [each for each in known if each.threshold is not None]
    real = [each.said != "false_alarm" for each in sure]
    said = [each.detectors[name] >= (each.threshold or 0.0) for each in sure]
    assert (detector.precision.whole, detector.recall.whole) == (sum(said), sum(real))
    if sure:
        precision, recall, _ = theirs(real, said)
        agree(detector.precision.value, precision)
        agree(detector.recall.value, recall)


def test_by_hand() -> None:
    began = NOW - DAY
    cases = [case("confirmed", began_at=began - late) for late in (10, 20, 30, 40, 600)]
    cases += [case("false_alarm", peak=0.7)] * 3 + [case("missed", peak=0.5)] * 2
    cases += [case("neither")] * 4 + [case("false_alarm", days_ago=31)] * 50
    quality = of(cases, unjudged=9, first_days=12)
    assert quality.precision.value == 5 / 8
    assert quality.recall.value == 5 / 7
    assert quality.f1 == pytest.approx(2 * (5 / 8) * (5 / 7) / (5 / 8 + 5 / 7))
    # Each of five is above each of three, and each of two below.
    assert quality.roc_auc == pytest.approx(15 / 21)
    assert (quality.judged, quality.unjudged) == (12, 9)
    assert quality.false_alarms_per_day == 3 / 12
    assert quality.time_to_detect == 30
    # Within its first day a query is not yet known by the hour.
    assert of(cases, first_days=0.1).false_alarms_per_day == 3.0
    assert of(cases, first_days=365).false_alarms_per_day == 3 / 30


def test_of_four_nothing_is_said() -> None:
    few = of([case("confirmed", began_at=NOW - DAY)] * 4 + [case("neither")] * 9)
    assert (few.precision.value, few.recall.value, few.f1, few.roc_auc) == (None,) * 4
    assert (few.false_alarms_per_day, few.time_to_detect) == (None, None)
    assert few.judged == 13
    one_sided = of([case("false_alarm")] * 20)
    assert (one_sided.precision.value, one_sided.f1, one_sided.roc_auc) == (0.0, 0.0, None)
    assert one_sided.recall.value is None


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    # Newcombe 1998, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_wilsons(part: int, whole: int, low: float, high: float) -> None:
    interval = Share(part, whole).interval
    assert interval is not None
    assert list(interval) == pytest.approx([low, high], abs=5e-5)


def test_ten_of_ten_may_be_seven() -> None:
    assert list(Share(10, 10).interval or ()) == pytest.approx([0.7225, 1.0], abs=1e-4)
    assert Share(0, 0).interval is None
