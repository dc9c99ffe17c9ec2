"""The drift report, as text and as a page, against golden files."""

import os
from pathlib import Path

import numpy as np
import pytest

from exporter.core.pieces import one_by_one
from exporter.core.ring import Ring
from exporter.core.series import Floats, Keys, SeriesBatch
from exporter.drift.baselines import cohort_of, retaken
from exporter.drift.check import check
from exporter.drift.ks import Ks
from exporter.drift.plan import DriftPlan
from exporter.drift.psi import Psi
from exporter.drift.wasserstein import Wasserstein
from exporter.reports.drift import (
    Chapter,
    as_html,
    as_text,
    chapter_of,
    failed_chapter,
    list_versions,
    show_version,
)
from promkit.web import STYLE

GOLDEN = Path(__file__).parents[2] / "golden"
NOW = 1_767_605_400  # 2026-01-05 09:30 UTC
STEP = 300_000
COLUMNS = 240

KEYS = (
    b'{"instance":"a:9100","device":"<sda>"}',
    b'{"instance":"b:9100","device":"sda"}',
    b'{"instance":"c:9100","device":"sda"}',
    b'{"instance":"d:9100","device":"sda"}',
    b'{"instance":"e:9100","device":"sda"}',
)


def ring_of(values: Floats, keys: Keys, back: int = 0) -> Ring:
    """Return a ring that ends so many columns before now."""
    ring = Ring(STEP, values.shape[1])
    times = NOW * 1000 - STEP * np.arange(values.shape[1] - 1 + back, back - 1, -1, dtype=np.int64)
    ring.append(SeriesBatch(keys, times, values, STEP))
    return ring


def chapters() -> list[Chapter]:
    tests = (Ks(), Psi(), Wasserstein())
    plan = DriftPlan(query="load", tests=tests, step=STEP, reference=COLUMNS, window=60)
    values = np.random.default_rng(7).normal(20.0, 2.0, (5, COLUMNS + 60))
    values[0, COLUMNS:] += 6.0
    values[1, COLUMNS:] += 1.8
    values[2, COLUMNS:] += 1.2
    values[4, : COLUMNS + 50] = np.nan
    ring = ring_of(values, KEYS)
    cohort = cohort_of(ring_of(values[:, :COLUMNS], KEYS, 60), plan, 30)
    assert cohort is not None
    baseline = retaken(None, cohort, plan, NOW * 1000, "first run")
    checked = check(plan, ring, baseline, one_by_one)
    empty = check(plan, ring_of(values[:, -60:], KEYS), None, one_by_one)
    short = cohort_of(ring_of(values[:, 100:COLUMNS], KEYS, 60), plan, 30)
    assert short is not None
    brief = retaken(baseline, short, plan, NOW * 1000, "command")
    return [
        chapter_of(plan, "processes", baseline, checked, 100),
        chapter_of(plan, "", None, empty, 1),
        chapter_of(plan, "", brief, checked, 2),
        failed_chapter("broken", 'answered 400: "sum(" <unclosed>'),
    ]


@pytest.mark.parametrize(("form", "name"), [(as_text, "report.txt"), (as_html, "report.html")])
def test_the_whole_report(form: object, name: str) -> None:
    """Compare with the golden file; UPDATE_GOLDEN=1 in the environment rewrites it."""
    assert callable(form)
    text = form(chapters(), float(NOW)).replace(STYLE, "")
    path = GOLDEN / f"drift_{name}"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_the_worst_come_first_and_nothing_is_trusted() -> None:
    first, *_ = chapters()
    status = [line.status for line in first.lines]
    assert status == ["critical", "critical", "none", "none", "cannot tell"]
    page = as_html([first], NOW)
    assert "<sda>" not in page
    assert "&lt;sda&gt;" in page
    assert "<script" not in page


def test_baselines_are_listed_and_shown() -> None:
    plan = DriftPlan(query="load", tests=(Ks(),), step=STEP, reference=COLUMNS, window=60)
    values = np.arange(float(COLUMNS))[None]
    cohort = cohort_of(ring_of(values, KEYS[1:2]), plan, 30)
    later = cohort_of(ring_of(values[:, 120:], KEYS[1:2]), plan, 30)
    assert cohort is not None
    assert later is not None
    baseline = retaken(None, cohort, plan, NOW * 1000, "first run")
    baseline = retaken(baseline, later, plan, NOW * 1000, "command")
    assert list_versions("load", baseline.versions, STEP).splitlines() == [
        "query load",
        "  version 2, taken 2026-01-05 09:30 UTC (command): 2026-01-04 23:35 UTC to "
        "2026-01-05 09:30 UTC, 10h, less than configured; 1 series, 120 samples each",
        "  version 1, taken 2026-01-05 09:30 UTC (first run): 2026-01-04 13:35 UTC to "
        "2026-01-05 09:30 UTC, 20h; 1 series, 240 samples each",
    ]
    assert show_version(baseline.versions[0]).splitlines()[1] == (
        '  {instance="b:9100", device="sda"} 240, 119.5, 69.28; 0, 11.95, 119.5, 227, 239'
    )
