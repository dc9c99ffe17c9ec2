"""The command `check-config`: what a configuration means, or all that is wrong with it."""

import argparse
import time

from exporter.commands.flags import read_config, source_of
from exporter.errors import QueryError
from exporter.settings.adjustments import adjustments_in_words
from exporter.settings.drift import drift_in_words
from exporter.settings.forecast import in_words
from exporter.settings.maintenance import maintenance_in_words
from exporter.settings.masks import masks_in_words
from exporter.settings.models import models_in_words
from exporter.settings.modelwatch import watched_in_words
from promkit.cliargs import add_config_flags
from promkit.durations import format_duration

EXIT_FAILED = 1


def add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check-config",
        help="read the configuration and say what it means, or all that is wrong with it",
        description="Reads the configuration, prints every query with its defaults filled in, and "
        "exits 2 with all problems, each with file and line, when it is wrong.",
    )
    add_config_flags(parser, "exporter.yml")
    parser.add_argument(
        "--try-queries",
        action="store_true",
        help="also ask Prometheus each query and limit once and say how many series it returns",
    )
    parser.set_defaults(action=_check)


def _check(flags: argparse.Namespace) -> int:
    config = read_config(flags)
    source = source_of(config)
    failed: set[str] = set()
    queries = config.all_queries()
    models = [model for model in config.all_watched_models() if model.label is not None]
    truths = {list(model.parts())[-1].query: model for model in models}
    for query in queries:
        print(f"query {query.name}: {' '.join(query.expr.split())}")
        detectors = ", ".join(f"{d.name} (weight {d.weight:g})" for d in query.detectors)
        if query.detectors:
            print(
                f"  every {format_duration(config.evaluation_interval)}, "
                f"step {format_duration(query.step or 0)}, "
                f"lookback {format_duration(query.lookback or 0)}, direction {query.direction}, "
                f"threshold {query.threshold:g}; {query.combine} of {detectors}"
            )
        asked = {"": query.expr}
        if query.forecast is not None:
            print(f"  forecast {in_words(query.forecast)}")
            if isinstance(query.forecast.limit, str):
                asked["limit "] = query.forecast.limit
        if query.drift is not None:
            print(f"  drift {drift_in_words(query.drift)}")
        if query.models is not None and config.state.path is not None:
            print(f"  models {models_in_words(query.models)}")
        if model := truths.get(query.name):
            print(f"  quality {watched_in_words(model)}")
            asked["label "] = model.label or ""
        for what, expr in asked.items() if flags.try_queries else ():
            try:
                now = int(time.time()) * 1000
                batch = source.fetch(expr, now, now, 1000, query.timeout)
                print(f"  {what}answers with {len(batch.keys)} series")
            except QueryError as error:
                failed.add(query.name)
                print(f"  {what}FAILED: {error}")
    for entry in config.maintenance:
        print(f"maintenance {entry.name}: {maintenance_in_words(entry)}")
    print(f"masks: {masks_in_words(config.masks)}")
    print(f"thresholds {adjustments_in_words(config.adjustments)}")
    what = f"{len(failed)} of {len(queries)} queries failed"
    print(what if failed else f"{flags.config_file} is fine")
    return EXIT_FAILED if failed else 0
