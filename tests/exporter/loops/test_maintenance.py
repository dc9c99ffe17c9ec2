"""When is it maintenance, by the clocks that people look at?"""

from collections.abc import Iterable
from datetime import datetime, tzinfo

import numpy as np
import pytest

from exporter.config import parse_config
from exporter.core.masks import Mask, Masks
from exporter.core.spans import Special, merged
from exporter.loops.maintenance import masks_of

HOUR = 3_600_000


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 1000


def special(names: Iterable[str], start: int, end: int, zone: tzinfo | None) -> Special:
    assert tuple(names) == ("feasts",)
    return Special(merged([(24 * HOUR, 48 * HOUR)]), merged([(50 * HOUR, 51 * HOUR)]))


def mask_of(entry: str) -> Mask:
    config = parse_config(
        "queries: [{name: cpu, expr: up}, {name: disk, expr: up}]\n"
        "calendars: [{name: feasts, dates: [1970-01-02]}]\n"
        f"maintenance:\n  - {entry}\n",
        "exporter.yml",
    )
    [mask] = masks_of(config.maintenance, special)
    return mask


@pytest.mark.parametrize(
    ("instant", "holds"),
    [
        ("2026-03-28T21:59:59+01:00", False),  # a Saturday
        ("2026-03-28T22:00:00+01:00", True),
        ("2026-03-29T01:59:00+01:00", True),
        ("2026-03-29T03:29:00+02:00", True),  # the clocks have skipped an hour
        ("2026-03-29T03:30:00+02:00", False),
        ("2026-03-29T23:00:00+02:00", False),  # not a Sunday
        ("2026-11-20T23:00:00+01:00", True),
    ],
)
def test_a_schedule_follows_the_wall_clock(instant: str, holds: bool) -> None:
    mask = mask_of(
        '{name: a, between: ["22:00", "02:30"], days: [fri, sat], timezone: Europe/Berlin}'
    )
    [(_, _, found)] = Masks([mask]).stretches("cpu", np.array([at(instant)]))
    assert bool(found) == holds


def test_every_day_may_have_one() -> None:
    mask = mask_of('{name: a, between: ["01:00", "02:00"]}')
    times = np.arange(0, 72 * HOUR, HOUR)
    stretches = Masks([mask]).stretches("cpu", times)
    assert [(s.start, s.stop) for s in stretches if s.masks] == [(1, 2), (25, 26), (49, 50)]


def test_calendars_are_days_and_hours() -> None:
    mask = mask_of("{name: a, calendars: [feasts], mute: true}")
    assert mask.mutes
    times = np.arange(0, 72 * HOUR, HOUR)
    found = Masks([mask]).where("cpu", (b"{}",), times)
    assert found is not None
    assert np.flatnonzero(found[0]).tolist() == [*range(24, 48), 50]


def test_queries_and_matchers_say_which_series_are_meant() -> None:
    span = "start: 1970-01-01T01:00:00Z, end: 1970-01-01T02:00:00Z"
    mask = mask_of(f"{{name: a, {span}, queries: [cpu], matchers: 'row!=\"1\"'}}")
    masks, keys = Masks([mask]), (b'{"row":"0"}', b'{"row":"1"}')
    times = np.arange(0, 3 * HOUR, HOUR)
    found = masks.where("cpu", keys, times)
    assert found is not None
    assert found.tolist() == [[False, True, False], [False, False, False]]
    assert masks.where("disk", keys, times) is None
    assert masks.where("cpu", keys, times + 3 * HOUR) is None
