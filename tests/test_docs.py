"""Is everything that can be configured or detected documented, and do links lead somewhere?"""

import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from exporter.config import (
    Config,
    PresetName,
    QueryConfig,
    load_preset,
    parse_config,
)
from exporter.detectors import ALL
from exporter.drift import ALL as DRIFT_TESTS
from exporter.drift.base import DriftTest
from exporter.forecasters import ALL as FORECASTERS
from exporter.forecasters.base import Forecaster
from exporter.settings.adjustments import AdjustmentsConfig
from exporter.settings.drift import DriftConfig
from exporter.settings.forecast import CapacityConfig, ForecastConfig
from exporter.settings.maintenance import MaintenanceConfig
from exporter.settings.masks import MasksConfig
from exporter.settings.models import ModelsConfig
from exporter.settings.modelwatch import WatchedModelConfig
from exporter.settings.places import PrometheusConfig, StateConfig

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = (ROOT / "docs/configuration.md").read_text()
DETECTORS = (ROOT / "docs/detectors.md").read_text()
DRIFT = (ROOT / "docs/drift.md").read_text()
FORECASTING = (ROOT / "docs/forecasters.md").read_text()
MODELS = (
    Config,
    PrometheusConfig,
    QueryConfig,
    StateConfig,
    AdjustmentsConfig,
    MaintenanceConfig,
    MasksConfig,
    ForecastConfig,
    CapacityConfig,
    DriftConfig,
    ModelsConfig,
    WatchedModelConfig,
)
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "node_modules" for part in path.parts[1:])
)


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_documented(model: type[BaseModel]) -> None:
    keys = set(re.findall(r"^\| `(\w+)` \|", CONFIGURATION, re.MULTILINE))
    assert set(model.model_fields) <= keys


def test_every_documented_key_exists() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", CONFIGURATION, re.MULTILINE)
    known = {key for model in MODELS for key in model.model_fields} | set(get_args(PresetName))
    assert set(documented) <= known


def test_every_detector_and_setting_is_documented() -> None:
    for kind in ALL:
        detector = kind()
        assert f"## `{detector.name}`" in DETECTORS
        for setting in {field.name for field in fields(kind)} - {"kind"}:
            assert f"| `{setting}` |" in DETECTORS, setting


def test_every_forecaster_and_setting_is_documented() -> None:
    check_sections("docs/forecasters.md", FORECASTING, FORECASTERS)


def test_every_drift_test_and_setting_is_documented() -> None:
    check_sections("docs/drift.md", DRIFT, DRIFT_TESTS)


def check_sections(page: str, text: str, table: Sequence[type[Forecaster | DriftTest]]) -> None:
    """Check that a page has a line and a section for each kind, with a row for each setting."""
    _, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    text_of = dict(section.split("\n", 1) for section in sections)
    kinds = {kind().name: kind for kind in table}
    documented = {title.strip("`") for title in text_of if title.startswith("`")}
    assert documented == set(kinds)
    for name, kind in kinds.items():
        assert f"| [`{name}`](#{name}) |" in text
        settings = {field.name for field in fields(kind)} - {"kind"}
        told = set(re.findall(r"^\| `(\w+)` \|", text_of[f"`{name}`"], re.MULTILINE))
        assert settings <= told, f"{page}, {name}"


def test_presets_can_be_loaded_and_are_bounded() -> None:
    for preset in get_args(PresetName):
        for query in load_preset(preset).queries:
            is_scored = query.ensemble != "none"
            assert (query.min_deviation or query.min_relative_deviation or 0) > 0 or not is_scored
            assert query.unit or query.forecast is None, f"{query.name}: alerts would have no unit"


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/configuration.md",
        "docs/calendars.md",
        "docs/model-quality.md",
        "docs/masks.md",
    ],
)
def test_examples_are_valid(page: str) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    examples = [
        block for block in blocks if block.startswith(("calendars", "prom", "queries", "watched"))
    ]
    assert examples
    for example in examples:
        parse_config(example, page).all_queries()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
