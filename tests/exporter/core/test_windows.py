"""Are windows put on one scale, and are those ahead of a series the ones it will have?"""

import numpy as np
import pytest

from exporter.core import windows
from exporter.core.kernels import uncompiled
from exporter.core.series import Floats, Ints
from exporter.core.windows import Floats32


@pytest.mark.parametrize("python", [False, True])
def test_center_and_scale_by_hand(python: bool) -> None:
    measure = uncompiled(windows.center_and_scale) if python else windows.center_and_scale
    # Median 3; distances 2 1 0 1 97, their median 1; the root mean square is 43.4.
    center, scale = measure(np.array([1.0, 2.0, 3.0, 4.0, 100.0]), np.empty(5))
    assert center == 3.0
    assert scale == pytest.approx(0.25 * np.sqrt((4 + 1 + 0 + 1 + 97**2) / 5))
    center, scale = measure(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), np.empty(6))
    assert center == 3.5
    assert scale == pytest.approx(1.4826 * 1.5, rel=1e-4)


@pytest.mark.parametrize("python", [False, True])
def test_what_is_normalised_has_neither_unit_nor_level_and_is_cut(python: bool) -> None:
    normalise = uncompiled(windows.normalise) if python else windows.normalise
    out = np.empty(4, dtype=np.float32)
    normalise(np.array([5.0, 7.0, 1e9, -np.inf]), 5.0, 2.0, out)
    assert out.tolist() == [0.0, 1.0, 10.0, -10.0]
    normalise(np.full(4, 5.0), 5.0, 0.0, out)
    assert out.tolist() == [0.0] * 4


def sliding(values: Floats, starts: Ints, python: bool) -> tuple[Floats32, Floats]:
    out, scales = np.empty((len(starts), 9), dtype=np.float32), np.empty(len(starts))
    kernel = uncompiled(windows.sliding_windows) if python else windows.sliding_windows
    kernel(values, starts, out, scales)
    return out, scales


def test_training_windows_are_on_the_scale_of_their_past() -> None:
    values = np.concatenate([np.arange(8.0), [1000.0], np.full(9, 3.0)])
    out, scales = sliding(values, np.array([0, 9]), python=False)
    assert scales[0] == pytest.approx(1.4826 * 2.0, rel=1e-4)
    assert out[0, -1] == pytest.approx((1000.0 - 3.5) / scales[0])  # not cut, not in the scale
    assert np.isnan(out[1, -1])  # nothing moved before it
    np.testing.assert_array_equal(out, sliding(values, np.array([0, 9]), python=True)[0])


@pytest.mark.parametrize("python", [False, True])
def test_windows_ahead_are_those_that_come(python: bool) -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(2, 6))
    values[0, 2], values[1, 3] = np.nan, np.inf
    ring = rng.normal(size=(2, 4))
    past = np.full((8, 4), 9.0, dtype=np.float32)
    center, scale = np.full(8, np.nan), np.full(8, np.nan)
    kernel = uncompiled(windows.speculate) if python else windows.speculate
    # The first series looks at its columns 1 to 4, the second, with two samples so far, at 0 to 3.
    kernel(
        ring, np.array([4, 2]), values, np.array([1, 0]), np.array([4, 4]), np.array([0, 4]),
        past, center, scale,
    )  # fmt: skip
    learned = np.concatenate([ring[0], [values[0, 1], values[0, 3]]])
    for job, end in enumerate([4, 5, 5, 6]):  # a column without a sample changes nothing
        window = learned[end - 4 : end]
        assert center[job] == np.median(window)
        np.testing.assert_allclose(past[job], (window - center[job]) / scale[job], rtol=1e-6)
    assert np.isnan(center[4:6]).all()  # two samples are still missing
    assert (past[4:6] == 9.0).all()
    assert center[6] == np.median([*ring[1, 2:], *values[1, :2]])


@pytest.mark.parametrize("python", [False, True])
def test_the_oldest_sample_makes_room(python: bool) -> None:
    window = np.array([1.0, 2.0, 3.0])
    (uncompiled(windows.slide) if python else windows.slide)(window, 4.0)
    assert window.tolist() == [2.0, 3.0, 4.0]
