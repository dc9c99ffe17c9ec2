"""Does a score last for a while, and does an incident begin once?"""

import numpy as np
import pytest

from exporter.core import peaks
from exporter.core.kernels import uncompiled
from exporter.core.peaks import (
    HALF_LIVES,
    LASTING,
    REMEMBERED,
    fading,
    fresh_peaks,
    lasting,
    onsets,
)
from exporter.core.series import Floats

NAN = np.nan
MINUTE = 60_000
HOUR = 60 * MINUTE


def test_a_peak_fades_in_three_lengths_by_hand() -> None:
    scores = np.array([[0.0, 0.8, *[0.0] * 4, NAN, 0.8]])
    told = fading(fresh_peaks(1), scores, MINUTE)
    after_four = sum(0.8 * 0.5 ** (4 / length) for length in HALF_LIVES) / 3
    assert told[0, 1] == pytest.approx(0.8)
    assert told[0, 5] == pytest.approx(after_four)
    assert np.isnan(told[0, 6])
    assert told[0, 7] == pytest.approx(0.8), "not more than the peak"


def test_no_peak_lasts_longer_than_hours_whatever_the_step() -> None:
    """Of steps of a day, a half-life is one sample."""
    told = fading(fresh_peaks(1), np.array([[1.0, 0.0, 0.0]]), 24 * HOUR)
    assert told[0].tolist() == pytest.approx([1.0, 0.5, 0.25])


def test_what_lasts_fades_likewise_but_more_slowly() -> None:
    scores = np.array([[0.8, 0.0, 0.0, 0.0, 0.0]])
    told = lasting(fresh_peaks(1), scores, MINUTE)
    assert told[0, 4] == pytest.approx(
        sum(0.8 * 0.5 ** (4 / (LASTING * length)) for length in HALF_LIVES) / 3
    )
    daily = lasting(fresh_peaks(1), scores, 24 * HOUR)
    assert daily[0, :3].tolist() == pytest.approx([0.8, 0.4, 0.2])


def test_an_incident_begins_once() -> None:
    scores = np.array([[0.0, 1.0, 1.0, 0.9, 1.0]])
    told = onsets(fresh_peaks(1), scores, MINUTE)
    assert told[0, 1] == 1.0
    assert told[0, 2:] == pytest.approx(
        [1 - REMEMBERED, 0.9 - REMEMBERED, 1 - REMEMBERED], abs=0.01
    )


def test_what_is_worse_begins_anew_and_so_does_what_comes_after_hours() -> None:
    scores = np.zeros((1, 13))
    scores[0, [0, 1, 12]] = 0.3, 0.9, 0.9
    told = onsets(fresh_peaks(1), scores, HOUR)
    # The half-life is twelve hours.
    assert told[0, 1] == pytest.approx(0.9 - REMEMBERED * 0.3 * 0.5 ** (1 / 12))
    assert told[0, 12] == pytest.approx(0.9 - REMEMBERED * 0.9 * 0.5 ** (11 / 12))
    told = onsets(fresh_peaks(1), np.array([[0.5, NAN, 0.5]]), 24 * HOUR)
    assert np.isnan(told[0, 1])
    # It is never shorter than ten samples, here of a day.
    assert told[0, 2] == pytest.approx(0.5 - REMEMBERED * 0.5 * 0.5 ** (2 / 10))


def drawn() -> Floats:
    scores = np.random.default_rng(1).random((3, 50))
    scores[0, [0, 20, 49]] = NAN
    return scores


def test_compiled_and_uncompiled_agree() -> None:
    one, other = fresh_peaks(3), fresh_peaks(3)
    scores, out = drawn(), np.empty((2, 3, 50))
    told = np.array([fading(one, scores, MINUTE), onsets(one, scores, MINUTE)])
    uncompiled(peaks._fade)(scores, other["fading"], 0.5 ** (1 / np.array(HALF_LIVES)), out[0])
    uncompiled(peaks._begin)(scores, other["peak"], 0.5 ** (1 / 720), out[1])
    np.testing.assert_allclose(out, told)
    for name, array in one.items():
        np.testing.assert_allclose(other[name], array)
    assert (out[~np.isnan(out)] >= 0.0).all()
    assert (out[~np.isnan(out)] <= 1.0).all()
