import re

import numpy as np
import pytest

from exporter.adapters.openmetrics import write_history
from exporter.backtest import Alarm, Incident, Replay, alarms_of, compare, judged_days, replay
from exporter.config import parse_config
from exporter.reports.backtest import format_report
from tests.exporter.arraysource import ArraySource

START, END = 150 * 15.0, 390 * 15.0


@pytest.fixture
def source() -> ArraySource:
    values = np.random.default_rng(5).normal(10.0, 1.0, (2, 400))
    values[0, 200:210] = 100.0
    values[1, 300] = -100.0
    values[1, 305] = np.nan
    return ArraySource(values)


def replayed(source: ArraySource) -> Replay:
    own = "lookback: 30m, range: [-50, null], detectors: [{kind: zscore}, {kind: mad, weight: 2}]"
    text = f"queries: [{{name: q, expr: up, {own}}}]"
    (query,) = parse_config(text, "c.yml").all_queries()
    return replay(query, source, START, END)


def test_alarms_are_runs_of_anomalous_samples(source: ArraySource) -> None:
    done = replayed(source)
    alarms = alarms_of(done, START, merge=60)
    assert [(a.query, a.labels["row"], a.start, a.end) for a in alarms] == [
        ("q", "0", 200 * 15, 209 * 15),
        ("q", "1", 300 * 15, 300 * 15),
    ]
    above, impossible = (alarm.reason for alarm in alarms)
    assert re.fullmatch(
        r"100 is above the band [\d.]+ to [\d.]+ \([\d.]+ sigmas\); mad 67 %, zscore 33 %", above
    )
    assert impossible == "-100 is below -50, the lowest possible value"
    assert alarms_of(done, 250 * 15, merge=60) == alarms[1:]
    assert judged_days(done.evaluation, START) == pytest.approx((2 * 241 - 1) * 15 / 86_400)


def alarm(start: float, end: float, query: str = "q") -> Alarm:
    return Alarm(query, {"instance": "a"}, start, end, 0.9, "9 is odd")


def test_incidents_and_false_alarms_by_hand() -> None:
    incidents = [Incident("disk", 500, 600), Incident("cpu", 100, 200)]
    alarms = [alarm(330, 340), alarm(130, 150), alarm(120, 140, "r"), alarm(310, 320)]
    report = compare(alarms, incidents, settle=120, series=2, days=0.5)
    cpu, disk = report.findings
    assert (cpu.incident.kind, [a.start for a in cpu.alarms]) == ("cpu", [120, 130, 310])
    assert disk.alarms == ()
    assert [a.start for a in report.false_alarms] == [330]
    assert report.false_alarms_per_series_and_day == 2.0
    text = format_report(report, with_incidents=True)
    assert "incidents found: 1 of 2" in text
    assert "found after 20 s by r, q" in text
    assert "MISSED" in text
    assert 'q {instance="a"} score 0.90: 9 is odd' in text
    assert "alarms: 4 over 2 series" in format_report(report, with_incidents=False)


def test_history_is_openmetrics_with_labels_and_no_nan(source: ArraySource) -> None:
    done = replayed(source)
    pages = [("q", done.evaluation.batch, done.gauges())]
    lines = "".join(write_history(pages, int(START * 1000), {"job": "x", "row": "no"})).splitlines()
    assert lines[-1] == "# EOF"
    assert not [line for line in lines if line.endswith("NaN") or " nan " in line]
    scores = [line for line in lines if line.startswith("anomaly_score{")]
    assert len(scores) == 2 * 241 - 1
    labels, _, instant = scores[0].split(" ")
    assert labels == 'anomaly_score{query="q",job="x",row="0"}'
    assert float(instant) == START
