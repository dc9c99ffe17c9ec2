"""What people's verdicts and alerts keep out of what is learned."""

import json

import numpy as np
import pytest

from exporter.core.adjustments import TARGET
from exporter.core.masks import Masks
from exporter.core.series import SeriesBatch
from exporter.lifecycle.feedback import AFTER, BEFORE, END, START
from exporter.lifecycle.incidentmasks import LONGEST, alert_masks, incident_masks

MINUTE = 60_000
HOUR = 60 * MINUTE
SCRAPE = {"job": "anomaly-webhook", "instance": "webhook:9854"}
OWN = (b'{"instance":"db"}', b'{"instance":"web"}')
TIMES = np.arange(0, 48 * HOUR, MINUTE)


def verdict(
    gauge: str, hours: float, verdict: str = "confirmed", **labels: str
) -> tuple[dict[str, str], float]:
    about = {"query": "cpu", "verdict": verdict, "incident": "7", **labels}
    return {"__name__": gauge, **about}, hours * 3600


def answer(*series: tuple[dict[str, str], float]) -> SeriesBatch:
    build = {"__name__": TARGET, "version": "1", **SCRAPE}
    keys = tuple(json.dumps(labels).encode() for labels in (*(one for one, _ in series), build))
    values = np.array([*(value for _, value in series), 1.0])[:, None]
    return SeriesBatch(keys, np.array([0]), values, 1000)


def masked(*series: tuple[dict[str, str], float], query: str = "cpu") -> list[list[int]]:
    """Return the first and the last masked minute of each series."""
    found = Masks(incident_masks(answer(*series))).where(query, OWN, TIMES)
    if found is None:
        return [[], []]
    return [np.flatnonzero(row)[[0, -1]].tolist() if row.any() else [] for row in found]


@pytest.mark.parametrize(
    "labels",
    [{"instance": "db", "job": SCRAPE["job"]}, {"exported_instance": "db", **SCRAPE}],
    ids=["honoured", "renamed"],
)
def test_an_incident_is_masked_with_what_led_to_it(labels: dict[str, str]) -> None:
    found = masked(verdict(START, 10, **labels), verdict(END, 11, **labels))
    first, last = (10 * HOUR - BEFORE) // MINUTE, (11 * HOUR + AFTER) // MINUTE - 1
    assert found == [[first, last], []]


def test_an_incident_of_the_whole_query_is_of_all_its_series_and_of_no_others() -> None:
    told = verdict(START, 10, **SCRAPE), verdict(END, 11, **SCRAPE)
    one, other = masked(*told)
    assert one == other != []
    assert masked(*told, query="disk") == [[], []]


def test_one_that_nobody_closes_is_not_masked_for_good() -> None:
    first, last = masked(verdict(START, 10, instance="db"))[0]
    assert first == (10 * HOUR - BEFORE) // MINUTE
    assert last == (10 * HOUR + LONGEST + AFTER) // MINUTE - 1


@pytest.mark.parametrize(
    ("said", "is_masked"),
    [("missed", True), ("maintenance", True), ("false_alarm", False), ("expected_change", False)],
)
def test_only_what_is_out_of_the_ordinary_is_masked(said: str, is_masked: bool) -> None:
    told = verdict(START, 10, said, instance="db"), verdict(END, 11, said, instance="db")
    assert bool(masked(*told)[0]) == is_masked


def test_what_has_no_query_or_no_time_masks_nothing() -> None:
    nowhere = {"__name__": START, "verdict": "confirmed", "incident": "1"}
    assert incident_masks(answer((nowhere, 36_000.0))) == []
    assert incident_masks(answer(verdict(START, float("nan")))) == []
    assert incident_masks(answer(verdict(START, 10), verdict(END, 2))) == []  # a clock set back


def alerts(*rows: tuple[dict[str, str], list[int]]) -> Masks:
    values = np.full((len(rows), len(TIMES)), np.nan)
    for row, (_, minutes) in enumerate(rows):
        values[row, minutes] = 1.0
    keys = tuple(json.dumps({"__name__": "ALERTS", **labels}).encode() for labels, _ in rows)
    return Masks(alert_masks(SeriesBatch(keys, TIMES, values, MINUTE)))


def test_an_alert_masks_series_that_share_a_label_with_it() -> None:
    about = {"alertname": "Down", "alertstate": "firing", "severity": "critical", "job": "node"}
    found = alerts(({**about, "instance": "db"}, [100, 101, 102, 600]))
    masked = found.where("cpu", (*OWN, b'{"mode":"idle"}'), TIMES)
    assert masked is not None
    assert masked.any(1).tolist() == [True, False, False]
    assert np.flatnonzero(masked[0]).tolist() == [*range(85, 108), *range(585, 606)]
    assert not alerts(({"alertname": "Down"}, [100]))  # of which series?
    assert not alerts((about, []))


def test_an_alert_of_a_query_is_about_that_query() -> None:
    found = alerts(({"query": "cpu", "alertname": "Slow"}, [100]))
    assert found.where("disk", OWN, TIMES) is None
    masked = found.where("cpu", OWN, TIMES)
    assert masked is not None
    assert masked.any(1).all()
