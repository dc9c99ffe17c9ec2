import re
from pathlib import Path

import numpy as np
import pytest

from exporter.core.features import FEATURES, PATH, Frames, engineer
from tests.reference.features import describe

DOCUMENTED = re.findall(
    r"^\| `(\w+)` \| (.+?) \| (\w+) \|$",
    (Path(__file__).resolve().parents[3] / "docs/features.md").read_text(),
    re.MULTILINE,
)


def test_the_page_lists_what_is_there() -> None:
    found = [(name, feature.formula, feature.unit) for name, feature in FEATURES.items()]
    assert len(found) >= 25
    assert [(name, formula.replace("`", ""), unit) for name, formula, unit in DOCUMENTED] == found


def test_features_agree_with_the_slow_twin() -> None:
    rng = np.random.default_rng(5)
    count = 20
    z = np.round(rng.standard_t(4, (count, 64)), 1)
    z[3] = 0.0
    z[4, -20:] = 1.5
    own, group = rng.normal(size=(2, count, PATH))
    group[5] = 0.0
    yesterday, last_week = rng.normal(size=(2, count))
    wall = rng.integers(0, 2**41, count)
    frames = Frames(z, yesterday, last_week, wall, own, group)
    found = engineer(frames, list(FEATURES))
    assert np.isfinite(found).all()
    for row in range(count):
        if row == 3:
            continue  # a flat window: the twin divides by zero
        before = float(yesterday[row]), float(last_week[row])
        expected = describe(
            z[row].tolist(), own[row].tolist(), group[row].tolist(), wall[row] / 1000, before
        )
        assert expected.keys() == FEATURES.keys()
        assert dict(zip(FEATURES, found[row], strict=True)) == pytest.approx(expected, abs=1e-6)


def test_short_and_flat_windows_have_finite_features() -> None:
    zeros = np.zeros((2, PATH))
    nothing = np.zeros(2)
    frames = Frames(np.zeros((2, 8)), nothing, nothing, np.zeros(2, dtype=np.int64), zeros, zeros)
    found = dict(zip(FEATURES, engineer(frames, list(FEATURES)).T, strict=True))
    assert all(np.isfinite(values).all() for values in found.values())
    assert found["flat_share_16"].tolist() == [1.0, 1.0]
    assert found["autocorrelation_1"].tolist() == [0.0, 0.0]
