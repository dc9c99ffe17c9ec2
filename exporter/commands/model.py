"""The command `model-report`: what is to become of models of the user's own."""

import argparse
import sys
import time
from pathlib import Path

from exporter.adapters.tallyfile import tally_path
from exporter.commands.drift import drift_chapter
from exporter.commands.flags import read_config, source_of
from exporter.config import Config, QueryConfig
from exporter.core.source import Source
from exporter.errors import ConfigError, ExporterError
from exporter.loops.modelrunner import ModelRunner
from exporter.modelwatch.degradation import ModelQuality
from exporter.reports.drift import Chapter, failed_chapter
from exporter.reports.model import ModelChapter, ModelPart, models_as_html, models_as_text
from exporter.settings.drift import DriftConfig
from exporter.settings.modelwatch import WatchedModelConfig
from promkit.cliargs import add_config_flags


def add_model(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    report = commands.add_parser(
        "model-report",
        help="say for people how good your own models are, what has drifted, and what to do",
        description="Counts the predictions of every model of `watched_models` beside the truth, "
        "compares its features and predictions with their baselines, both as `run` does, and "
        "prints its numbers, what has drifted, worst first, and whether to retrain it, to roll it "
        "back, or to watch it. It goes on from what `run` has kept, and keeps nothing.",
    )
    add_config_flags(report, "exporter.yml")
    report.add_argument("--model", metavar="NAME", help="only this one")
    report.add_argument("--html", type=Path, metavar="FILE", help="also write it as a page")
    report.set_defaults(action=_report)


def _report(flags: argparse.Namespace) -> int:
    config = read_config(flags)
    source = source_of(config)
    now = time.time()
    chapters = []
    for model in _chosen(config, flags.model):
        print(f"looking at {model.name}", file=sys.stderr, flush=True)
        chapters.append(_chapter(config, model, source, now))
    print(models_as_text(chapters, now), end="")
    if flags.html:
        flags.html.write_text(models_as_html(chapters, now), encoding="utf-8")
    return int(not all(chapter.is_whole for chapter in chapters))


def _chosen(config: Config, name: str | None) -> list[WatchedModelConfig]:
    """Return the models, or only the one named.

    Raises
    ------
    ConfigError
        There is none.
    """
    models = config.all_watched_models()
    if not models:
        raise ConfigError(["there are no `watched_models`; add one"])
    chosen = [model for model in models if name in (None, model.name)]
    if not chosen:
        names = ", ".join(model.name for model in models)
        raise ConfigError([f"--model: found {name!r}; allowed: {names}"])
    return chosen


def _chapter(config: Config, model: WatchedModelConfig, source: Source, now: float) -> ModelChapter:
    queries = {query.name: query for query in config.all_queries()}
    parts = [
        ModelPart(part.labels.get("feature"), _drift(config, queries[part.query], source, now))
        for part in model.parts()
    ]
    quality, error = None, None
    try:
        quality = _quality(config, model, source, now)
    except ExporterError as failure:
        error = str(failure)
    return ModelChapter(model.name, model.version, parts, quality, error)


def _drift(config: Config, query: QueryConfig, source: Source, now: float) -> Chapter:
    try:
        return drift_chapter(config, query, query.drift or DriftConfig(), source, now, 1)
    except ExporterError as error:
        return failed_chapter(query.name, str(error))


def _quality(
    config: Config, model: WatchedModelConfig, source: Source, now: float
) -> ModelQuality | None:
    """Return what is known of a model, None without a label."""
    if model.label is None:
        return None
    path = tally_path(config.state.path, model.name)
    runner = ModelRunner(model, source, path, time.monotonic, writes=False)
    while True:
        outcome = runner.run(now)
        if outcome.failure is not None:
            print(f"anomaly-exporter: {outcome.failure}", file=sys.stderr)
        if outcome.quality is not None:
            return outcome.quality
