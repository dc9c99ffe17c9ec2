"""The model report, as text and as a page, against golden files."""

import os
from pathlib import Path

import pytest

from exporter.modelwatch.degradation import Degradation, ModelQuality
from exporter.modelwatch.measures import Measures
from exporter.reports.drift import Chapter, Line, failed_chapter
from exporter.reports.model import ModelChapter, ModelPart, models_as_html, models_as_text
from promkit.web import STYLE

GOLDEN = Path(__file__).parents[2] / "golden"
NOW = 1_767_605_400.0  # 2026-01-05 09:30 UTC


def part(name: str | None, status: str, series: int = 1) -> ModelPart:
    counts = dict.fromkeys(("critical", "high", "moderate", "none", "cannot tell"), 0)
    counts["none"] = series - 1
    counts[status] += 1
    measures = {"ks": "0.61", "psi": "1.2"} if status != "cannot tell" else {"ks": "", "psi": ""}
    line = Line('{shop="<a>"}', status, measures, False, "0.001", "12", "19.5")
    return ModelPart(name, Chapter(f"churn.3.{name}", "", "", counts, ("ks", "psi"), [line]))


def chapters() -> list[ModelChapter]:
    week = Measures(2_016, 1_990, 0.8125, 0.6875, 0.7448, 0.8213, 0.0)
    month = Measures(8_640, 8_600, 0.85, 0.8, 0.824, 0.871, 0.001)
    few = Measures(60, 40)
    windows = {"7d": week, "30d": month, "90d": month}
    lost = Degradation("first_days", 0.83, 0.1027, 0.021, 3)
    return [
        ModelChapter(
            "churn",
            "3",
            [
                part("mood", "none"),
                part("tenure", "critical", 3),
                ModelPart("gone", failed_chapter("churn.3.gone", "answered 400: <bad>")),
                part("orders", "cannot tell"),
                part(None, "high"),
            ],
            ModelQuality("3", windows, lost, "2", month),
        ),
        ModelChapter(
            "fraud",
            "2024-06",
            [part(None, "none")],
            ModelQuality(
                "2024-06",
                windows,
                Degradation("previous_version", 0.824, 0.0961, 0.02, 2),
                "2024-05",
                month,
                True,
            ),
        ),
        ModelChapter(
            "fine",
            "1",
            [part("mood", "none")],
            ModelQuality("1", windows, Degradation("configured", 0.7, -0.064, 0.02, 0)),
        ),
        ModelChapter(
            "noisy",
            "1",
            [],
            ModelQuality("1", windows, Degradation("configured", 0.8, 0.069, 0.05, 0)),
        ),
        ModelChapter("young", "1", [part(None, "cannot tell")], ModelQuality("1", {"7d": few})),
        ModelChapter("blind", "1", [part("mood", "high")]),
        ModelChapter("down", "1", [part(None, "none")], error="http://localhost:9090 is down"),
    ]


@pytest.mark.parametrize(("form", "name"), [(models_as_text, "txt"), (models_as_html, "html")])
def test_the_whole_report(form: object, name: str) -> None:
    """Compare with the golden file; UPDATE_GOLDEN=1 in the environment rewrites it."""
    assert callable(form)
    text = form(chapters(), NOW).replace(STYLE, "")
    path = GOLDEN / f"model_report.{name}"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_what_is_to_be_done_and_what_failed() -> None:
    found = {one.model: (one.advice.action, one.is_whole) for one in chapters()}
    assert found == {
        "churn": ("retrain", False),
        "fraud": ("roll back", True),
        "fine": ("nothing to do", True),
        "noisy": ("nothing to do", True),
        "young": ("wait", True),
        "blind": ("watch", True),
        "down": ("wait", False),
    }


def test_nothing_is_trusted() -> None:
    page = models_as_html(chapters(), NOW)
    assert "<a>" not in page
    assert "<bad>" not in page
    assert "<script" not in page
