"""Which series does a verdict concern, and when?"""

from dataclasses import replace

import numpy as np
import pytest

from exporter.core.series import SeriesBatch
from exporter.lifecycle.feedback import Incident, Watch, concerns, incidents_of, question
from tests.exporter.lifecycle.test_quality import STEP, evaluation


def incident(verdict: str = "confirmed", start: int = 0, end: int = 0, **labels: str) -> Incident:
    return Incident(name="i", verdict=verdict, start=start, end=end, labels=labels)


@pytest.mark.parametrize(
    ("own", "labels", "expected"),
    [
        ({"instance": "a", "device": "sda"}, {"instance": "a", "device": "sda"}, True),
        ({"instance": "a", "device": "sda"}, {"instance": "a", "device": "sdb"}, False),
        ({"instance": "a"}, {"instance": "a", "job": "webhook"}, True),
        ({"device": "sda"}, {"device": "sda", "instance": "webhook:9854"}, True),
        ({"instance": "a", "device": "sda"}, {"instance": "a"}, True),
        ({"severity": "own"}, {"exported_severity": "own"}, True),
        ({"severity": "own"}, {"exported_severity": "other"}, False),
        ({}, {"instance": "a"}, True),
    ],
)
def test_a_verdict_concerns_series_that_differ_in_no_label_of_both(
    own: dict[str, str], labels: dict[str, str], expected: bool
) -> None:
    assert concerns(replace(incident(), labels=labels), own) is expected


def test_verdicts_are_read_from_two_gauges() -> None:
    def gauge(*rows: tuple[str, float]) -> SeriesBatch:
        keys = tuple(key.encode() for key, _ in rows)
        return SeriesBatch(keys, np.array([9]), np.array([[value] for _, value in rows]), 1)

    first = '{"query":"q","incident":"1","verdict":"confirmed","a":"b"}'
    open_one = '{"query":"q","incident":"2","verdict":"missed"}'
    nameless = '{"query":"q","verdict":"missed"}'
    starts = gauge((open_one, 200.5), (first, 100.0), (nameless, 1.0), (first + " ", np.nan))
    found = incidents_of(starts, gauge((first, 150.0)), 999_000)
    assert found == (
        Incident(name="1", verdict="confirmed", start=100_000, end=150_000, labels={"a": "b"}),
        Incident(name="2", verdict="missed", start=200_500, end=999_000, labels={}),
    )
    assert question("g", 'a"b') == 'last_over_time(g{query="a\\"b"}[1d])'


KEYS = (b'{"a":"1"}', b'{"a":"2"}')


def test_what_is_raised_during_an_incident_is_noted_and_excused() -> None:
    minute = STEP
    watch = Watch([incident(start=30 * minute, end=40 * minute, a="1")])
    found = np.zeros((2, 60), dtype=np.bool_)
    found[0, 16] = found[1, 35] = True
    values = np.ones((2, 60))
    excused = watch.add(evaluation(values, is_anomaly=found, keys=KEYS))
    assert excused is not None
    np.testing.assert_array_equal(np.flatnonzero(excused[0]), np.arange(15, 46))
    assert not excused[1].any()
    assert watch.raised == {"i": True}
    assert watch.add(evaluation(values, first=60, keys=KEYS)) is None
    assert watch.raised == {"i": True}


def test_an_incident_that_it_could_not_judge_is_not_noted() -> None:
    minutes = 30 * STEP
    watch = Watch([incident(start=minutes, end=minutes)])
    warming = np.ones((2, 60), dtype=np.bool_)
    watch.add(evaluation(np.ones((2, 60)), warming=warming, keys=KEYS))
    watch.add(evaluation(np.full((2, 60), np.nan), keys=KEYS))
    assert watch.raised == {}


def test_a_false_alarm_is_not_excused() -> None:
    watch = Watch([incident("false_alarm", 30 * STEP, 30 * STEP)])
    assert watch.add(evaluation(np.ones((2, 60)), keys=KEYS)) is None
    assert watch.raised == {"i": False}
