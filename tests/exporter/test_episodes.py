import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.rows import State
from exporter.core.series import NEVER, Bools, Floats, SeriesBatch
from exporter.episodes import (
    KEPT,
    QUIET,
    Events,
    are_anomalous,
    episodes_of,
    no_episodes,
    record,
    remember,
)

STEP = 60_000
NAN = float("nan")


def enter(past: State, marks: Bools, sigmas: Floats, first: int = 0, cut: int = 10**9) -> State:
    """Remember columns from `first` on, at most `cut` at a time."""
    for start in range(first, marks.shape[1], cut):
        columns = slice(start, start + cut)
        cells = sigmas[:, columns]
        times = np.arange(marks.shape[1], dtype=np.int64)[columns] * STEP
        batch = SeriesBatch(tuple(b"%d" % row for row in range(len(cells))), times, cells, STEP)
        votes = [np.abs(cells) / 20, np.full_like(cells, NAN)]
        past = remember(
            past,
            batch,
            marks[:, columns],
            sigmas=cells,
            votes=votes,
            thresholds=np.full((1, 1), 0.6),
        )
    return past


def test_anomalies_apart_are_two_and_close_ones_are_one() -> None:
    marks = np.zeros((2, 30), dtype=np.bool_)
    marks[1, [3, 4, 8, 20]] = True
    sigmas = np.zeros((2, 30))
    sigmas[1, [3, 4, 8, 20]] = [9.0, -13.0, 8.0, NAN]
    found = enter(no_episodes(2), marks, sigmas)
    assert found["episode_start"][1, :3].tolist() == [20 * STEP, 3 * STEP, NEVER]
    assert found["episode_end"][1, :3].tolist() == [20 * STEP, 8 * STEP, NEVER]
    np.testing.assert_equal(found["episode_sigmas"][1, :3].tolist(), [NAN, -13.0, NAN])
    assert found["episode_voters"][1, :3].tolist() == [0, 1, 0]
    untouched = no_episodes(1)
    for name, array in found.items():
        np.testing.assert_equal(array[:1], untouched[name])


@pytest.mark.parametrize("cut", [1, 7])
def test_pieces_are_remembered_like_the_whole(cut: int) -> None:
    rng = np.random.default_rng(2)
    marks = rng.random((5, 300)) < np.array([[0.0], [0.02], [0.1], [0.5], [1.0]])
    sigmas = rng.standard_t(3, marks.shape) * 5
    sigmas[rng.random(marks.shape) < 0.2] = NAN
    at_once = enter(no_episodes(5), marks, sigmas)
    in_pieces = enter(no_episodes(5), marks, sigmas, cut=cut)
    for name, array in at_once.items():
        np.testing.assert_equal(in_pieces[name], array, err_msg=name)
    assert (at_once["episode_start"][2] > NEVER).sum() == KEPT
    assert (at_once["episode_start"][4] > NEVER).sum() == 1


def test_the_past_is_not_written_to_and_nothing_new_costs_nothing() -> None:
    marks = np.ones((1, 1), dtype=np.bool_)
    past = no_episodes(1)
    enter(past, marks, np.ones((1, 1)))
    assert past["episode_start"][0, 0] == NEVER
    calm = enter(past, ~marks, np.ones((1, 1)))
    assert all(calm[name] is past[name] for name in calm)


def test_the_kernel_does_what_its_source_says() -> None:
    rng = np.random.default_rng(3)
    events = Events(
        row=np.sort(rng.integers(0, 3, 60)),
        time=np.arange(60, dtype=np.int64) * 100_000,
        sigmas=rng.normal(0, 9, 60).astype(np.float32),
        voters=rng.integers(0, 8, 60).astype(np.int32),
    )
    fast, slow = no_episodes(3), no_episodes(3)
    record(events, episodes_of(fast), QUIET)
    uncompiled(record)(events, episodes_of(slow), QUIET)
    for name, array in slow.items():
        np.testing.assert_equal(fast[name], array, err_msg=name)


def test_anomalous_are_those_whose_newest_sample_is() -> None:
    marks = np.array([[False, True], [True, False], [False, False]])
    state = enter(no_episodes(3), marks, np.ones((3, 2)))
    state["seen"] = np.array([STEP, STEP, STEP])
    assert are_anomalous(state).tolist() == [True, False, False]
