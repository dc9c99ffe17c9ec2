import pytest

from exporter.config import Config, parse_config
from exporter.errors import ConfigError
from exporter.settings.maintenance import maintenance_in_words

START = """\
presets: [node]
calendars: [{name: feasts, dates: [2026-12-25]}]
queries: [{name: cpu, expr: up}]
maintenance:
"""


def config_of(entry: str) -> Config:
    return parse_config(f"{START}  - {entry}\n", "exporter.yml")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            "{name: move, start: 2026-11-21T20:00:00Z, end: 2026-11-21T22:00:00+00:00, mute: true}",
            "2026-11-21 20:00:00+00:00 to 2026-11-21 22:00:00+00:00: "
            "all queries not learned from, nor judged",
        ),
        (
            '{name: backup, between: ["22:00", "02:30"], days: [fri, sat], timezone: Europe/Berlin,'
            " queries: [cpu, node_cpu_busy], matchers: 'instance=~\"db.*\"'}",
            "fri, sat from 22:00 to 02:30 Europe/Berlin: cpu, node_cpu_busy "
            'where instance=~"db.*" not learned from',
        ),
        (
            "{name: feasts, calendars: [feasts]}",
            "whenever feasts says so, days as in UTC: all queries not learned from",
        ),
    ],
)
def test_maintenance_in_words(entry: str, words: str) -> None:
    [one] = config_of(entry).maintenance
    assert maintenance_in_words(one) == words


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{name: a}", "found none of start, between and calendars"),
        (
            '{name: a, between: ["01:00", "02:00"], calendars: [feasts]}',
            "found between and calendars of start",
        ),
        ("{name: a, start: 2026-11-21T20:00:00Z}", "found one of start and end"),
        ("{name: a, calendars: [feasts], end: 2026-11-21T20:00:00Z}", "found one of start and end"),
        (
            "{name: a, start: 2026-11-21T20:00:00Z, end: 2026-11-21T20:00:00Z}",
            "which is not after start",
        ),
        (
            "{name: a, start: 2026-11-21T20:00:00, end: 2026-11-21T21:00:00Z}",
            "maintenance[0].start",
        ),
        ('{name: a, between: ["01:00", "01:00"]}', "the same time twice"),
        ('{name: a, between: ["01:00Z", "02:00"]}', "between[0]: found 01:00:00+00:00"),
        ("{name: a, calendars: [feasts], days: [mon]}", "without `between`"),
        (
            "{name: a, calendars: [easter]}",
            "found 'easter', which is none of calendars; allowed: feasts",
        ),
        (
            "{name: a, calendars: [feasts], queries: [disk]}",
            "found 'disk', which is none of queries",
        ),
        ("{name: a, calendars: [feasts], matchers: '{a=}'}", "goes wrong at"),
        (
            "{name: a, calendars: [feasts]}\n  - {name: a, calendars: [feasts]}",
            "maintenance[1].name: found 'a' a second time",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(entry: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(entry)
    [said] = caught.value.problems
    assert problem in said
    assert said.startswith("exporter.yml:")
