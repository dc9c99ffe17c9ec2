from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.rows import State, align, spread_state
from exporter.forecasters.breach import Breach, Side
from exporter.forecasters.followup import OUTCOMES, advance, fresh

START = 1_700_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
HORIZON = 24 * HOUR
NAN, INF = float("nan"), float("inf")


@dataclass
class Watch:
    """One series with the limit 100, looked at every five minutes."""

    direction: Side = "up"
    noise: float = 1.0
    limit: float = 100.0
    now: int = START - 5 * MINUTE
    state: State = field(default_factory=lambda: fresh(1))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    leads: list[float] = field(default_factory=list)

    def see(
        self,
        *values: float,
        probability: float = 0.0,
        expected: float | None = None,
        latest: float | None = None,
    ) -> "Watch":
        """Run a cycle that brings these samples; `expected` and `latest` are hours ahead."""
        times = self.now + 5 * MINUTE * np.arange(1, len(values) + 1)
        self.now = int(times[-1]) if values else self.now
        at = INF if expected is None else self.now / 1000 + 3600 * expected
        end = INF if latest is None else self.now / 1000 + 3600 * latest
        sign = 1.0 if self.direction == "up" else -1.0
        breach = Breach(*(np.array([each]) for each in (at, at, end, probability)))
        before = {name: array.copy() for name, array in self.state.items()}
        state, outcomes = advance(
            self.state,
            times,
            sign * np.array([values]).reshape(1, len(values)),
            np.array([sign * self.limit]),
            breach,
            np.array([self.noise]),
            direction=self.direction,
            horizon=HORIZON,
        )
        for name, array in before.items():
            np.testing.assert_array_equal(array, self.state[name])
        self.state = state
        for name, count in outcomes.counts.items():
            self.counts[name] += count
        self.leads += outcomes.lead_seconds.tolist()
        return self

    def rest(self, cycles: int, value: float, **told: float) -> "Watch":
        for _ in range(cycles):
            self.see(value, **told)
        return self

    def skip(self, hours: float) -> "Watch":
        """Let cycles be missed."""
        self.now += int(hours * HOUR)
        return self

    @property
    def seen(self) -> dict[str, int]:
        return {name: count for name, count in self.counts.items() if count}

    @property
    def is_open(self) -> bool:
        return bool(self.state["opened"][0] > 0)


def predicted(direction: Side = "up", value: float = 80.0, noise: float = 1.0) -> Watch:
    """Return a series that is said to breach in six hours, at the latest in eight."""
    watch = Watch(direction, noise)
    watch.see(value).see(value, probability=0.7, expected=6.0, latest=8.0)
    assert watch.is_open
    return watch


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_breach_that_comes_has_materialised_with_the_time_since_it_was_first_said(
    direction: Side,
) -> None:
    watch = predicted(direction).rest(11, 90.0, probability=0.9, expected=1.0, latest=2.0)
    assert watch.seen == {}
    assert watch.see(100.0, probability=1.0, expected=0.0, latest=0.0).seen == {"materialised": 1}
    assert watch.leads == [3600.0]
    assert watch.rest(10, 120.0, probability=1.0, expected=0.0).seen == {"materialised": 1}
    assert not watch.is_open


def test_a_breach_is_averted_when_somebody_makes_room_and_the_prediction_goes() -> None:
    watch = predicted().rest(37, 50.0)  # three hours of it: an eighth of the horizon
    assert watch.seen == {"averted": 1}
    assert watch.rest(100, 50.0).seen == {"averted": 1}


def test_the_jump_by_which_room_is_made_does_not_pass_for_noise() -> None:
    watch = predicted()
    watch.noise = 60.0  # a band that has seen it
    assert watch.rest(37, 50.0).seen == {"averted": 1}


def test_a_prediction_withdrawn_for_good_was_false_if_no_room_was_made() -> None:
    watch = predicted().rest(36, 80.0)
    assert watch.seen == {}
    assert watch.see(80.0).seen == {"false": 1}
    assert predicted(value=80.0).rest(37, 78.5).seen == {"false": 1}  # less than a tenth more
    assert predicted(value=80.0).rest(37, 77.5).seen == {"averted": 1}
    assert predicted(value=80.0, noise=5.0).rest(37, 77.5).seen == {"false": 1}  # by chance
    assert predicted(value=80.0, noise=NAN).rest(37, 77.5).seen == {"averted": 1}


def test_a_prediction_whose_time_passed_was_false_however_sure_it_still_is() -> None:
    watch = predicted()
    told = {"probability": 0.9, "expected": 6.0, "latest": 8.0}
    watch.rest(11 * 12, 80.0, **told)  # eight hours, and an eighth of the horizon
    assert watch.seen == {}
    assert watch.see(80.0, **told).seen == {"false": 1}
    assert watch.is_open  # what is still said is a new prediction
    assert predicted().rest(11 * 12 + 1, 40.0, **told).seen == {"averted": 1}


def test_a_prediction_with_no_latest_time_has_the_horizon() -> None:
    watch = Watch().see(80.0).see(80.0, probability=0.6, expected=20.0)
    told = {"probability": 0.6, "expected": 20.0}
    assert watch.rest(27 * 12, 80.0, **told).seen == {}
    assert watch.see(80.0, **told).seen == {"false": 1}


def test_a_brief_doubt_is_none() -> None:
    watch = predicted()
    for _ in range(40):
        watch.rest(2, 85.0, probability=0.3).see(85.0, probability=0.5, expected=3.0)
    watch.see(85.0, probability=NAN)
    assert watch.seen == {}
    assert watch.see(101.0).seen == {"materialised": 1}
    assert watch.leads == [122 * 300.0]


def test_cycles_far_apart_withdraw_nothing_before_the_third() -> None:
    watch = predicted()
    for _ in range(2):
        watch.skip(3.0).see(80.0, probability=0.1)
    assert watch.seen == {}
    assert watch.see(80.0, probability=0.1).seen == {"false": 1}


def test_a_breach_that_nobody_predicted_counts_once_however_it_oscillates() -> None:
    watch = Watch(noise=5.0).see(80.0).see(101.0)
    assert watch.seen == {"unpredicted": 1}
    for _ in range(30):
        watch.see(99.0).see(101.0)
    assert watch.seen == {"unpredicted": 1}
    watch.see(94.0).see(101.0)
    assert watch.seen == {"unpredicted": 2}  # it had been clearly away
    watch.rest(36, 99.0)
    assert watch.see(99.0, 101.0).seen == {"unpredicted": 3}  # or for an eighth of the horizon


def test_no_prediction_opens_before_the_last_breach_is_over() -> None:
    told = {"probability": 0.9, "expected": 0.1, "latest": 1.0}
    watch = Watch(noise=5.0).see(80.0).see(101.0).see(99.0, **told)
    assert not watch.is_open
    assert watch.see(90.0, **told).is_open


def test_what_is_unlikely_or_has_no_time_opens_nothing() -> None:
    watch = Watch().see(80.0)
    watch.see(80.0, probability=0.49, expected=1.0).see(80.0, probability=0.9)
    watch.see(80.0, probability=NAN, expected=1.0).see(NAN, probability=0.9, expected=1.0)
    assert not watch.is_open
    assert watch.see(101.0, probability=1.0, expected=0.0).seen == {"unpredicted": 1}


def test_what_is_beyond_when_first_seen_crossed_before_anybody_looked() -> None:
    assert Watch().see(NAN).see(120.0).see(130.0).seen == {}
    assert Watch().see(80.0, 120.0).seen == {}  # the past before the first cycle is not judged
    assert Watch().see(120.0).see(80.0).see(120.0).seen == {"unpredicted": 1}


def test_missed_cycles_are_caught_up_with() -> None:
    watch = predicted().see(90.0, 101.0, 90.0, probability=0.1)
    assert watch.seen == {"materialised": 1}
    assert watch.leads == [600.0]
    late = predicted().skip(12.0).see(90.0, 101.0)
    assert late.seen == {"false": 1, "unpredicted": 1}  # its time was over before


def test_samples_and_limits_may_be_missing() -> None:
    watch = predicted().rest(12, NAN)
    watch.limit = NAN
    watch.rest(150, 120.0)
    assert watch.seen == {}
    watch.limit = INF
    assert watch.see(120.0).see().is_open
    watch.limit = 100.0
    assert watch.see(101.0).seen == {"materialised": 1}


def test_after_a_wrong_clock_a_series_is_as_if_never_seen() -> None:
    watch = predicted()
    watch.now -= 30 * 24 * HOUR
    assert watch.see(120.0).seen == {}
    assert not watch.is_open
    assert watch.see(80.0).see(120.0).seen == {"unpredicted": 1}


def test_born_series_join_and_rows_stay_apart() -> None:
    watch = predicted()
    keys = (b"a", b"b")
    state = spread_state(watch.state, fresh, align(keys[:1], keys))
    breach = Breach(*np.array([[INF, INF], [INF, INF], [INF, INF], [0.0, 0.0]]))
    for step in (1, 2):
        times = np.array([watch.now + step * 5 * MINUTE])
        values = np.array([[101.0], [120.0]])
        state, outcomes = advance(
            state,
            times,
            values,
            np.array([100.0, 100.0]),
            breach,
            np.ones(2),
            direction="up",
            horizon=HORIZON,
        )
        assert outcomes.counts["materialised"] == (step == 1)
        assert outcomes.counts["unpredicted"] == 0
        assert outcomes.lead_seconds.tolist() == [300.0] * (step == 1)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([80.0, 95.0, 99.5, 101.0, 130.0, NAN]),
            st.sampled_from([0.0, 0.3, 0.6, 1.0, NAN]),
        ),
        min_size=3,
        max_size=80,
    ),
    st.lists(st.booleans(), min_size=80, max_size=80),
)
def test_every_prediction_ends_once_and_no_breach_counts_twice(
    cycles: Sequence[tuple[float, float]], is_missed: Sequence[bool]
) -> None:
    watch, opened, was_open = Watch(), 0, False
    pending: list[float] = []
    beyond = 0
    for (value, probability), missed in zip(cycles, is_missed, strict=False):
        pending.append(value)
        beyond += value >= watch.limit
        if missed:
            continue
        before = sum(watch.counts[name] for name in OUTCOMES[:3])
        watch.see(*pending, probability=probability, expected=1.0, latest=2.0)
        pending = []
        ended = sum(watch.counts[name] for name in OUTCOMES[:3]) - before
        assert ended <= was_open
        opened += watch.is_open and (not was_open or ended == 1)
        was_open = watch.is_open
    ends = {name: watch.counts[name] for name in OUTCOMES}
    assert opened == ends["materialised"] + ends["averted"] + ends["false"] + was_open
    assert ends["materialised"] + ends["unpredicted"] <= beyond
    assert len(watch.leads) == ends["materialised"]
    assert all(lead > 0 for lead in watch.leads)
