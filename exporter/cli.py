"""Flags in, exit codes out."""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from exporter.adapters.adjustmentfile import Kept, load_adjustments
from exporter.adapters.calendars import Calendars
from exporter.adapters.forecastplots import plot_forecasts
from exporter.adapters.memory import return_freed_memory
from exporter.adapters.openmetrics import write_history
from exporter.adapters.plots import plot_query
from exporter.backtest import alarms_of, compare, judged_days, replay
from exporter.commands.check import add_check
from exporter.commands.drift import add_drift
from exporter.commands.flags import (
    add_range,
    check_range,
    duration,
    read_config,
    source_of,
)
from exporter.commands.model import add_model
from exporter.commands.models import add_models
from exporter.commands.train import add_train
from exporter.conditions import Conditions
from exporter.config import Config, milliseconds
from exporter.core.adjustments import Adjustments
from exporter.core.masks import Masks
from exporter.core.source import Source
from exporter.core.weights import Weights
from exporter.errors import ConfigError, ExporterError
from exporter.hindcast import Hindcast, hindcast
from exporter.loops.crew import Crew
from exporter.loops.maintenance import masks_of
from exporter.reports.backtest import format_report, read_incidents
from exporter.reports.hindcast import courses_of, format_hindcast
from exporter.service import Options, Service
from promkit.cliargs import add_common_flags, add_config_flags
from promkit.clock import SystemClock
from promkit.errors import ConfigProblems
from promkit.instants import with_joined_instants
from promkit.lifecycle import run_until_signal
from promkit.log import setup_logging
from promkit.logfiles import logging_to

PROG = "anomaly-exporter"
EXIT_FAILED = 1
EXIT_CONFIG = 2

EPILOG = """\
examples:
  anomaly-exporter check-config --config.file exporter.yml
  anomaly-exporter run --config.file exporter.yml --web.listen-address 127.0.0.1:9853
  anomaly-exporter backtest --config.file exporter.yml --start -6h --plots plots/
  anomaly-exporter train --config.file exporter.yml --query node_cpu_busy --output model/
  anomaly-exporter drift-report --config.file exporter.yml --html drift.html
  anomaly-exporter model-report --config.file exporter.yml --html models.html
  anomaly-exporter models list --config.file exporter.yml

The smallest configuration scores every machine that node_exporter watches:
  prometheus: {url: http://localhost:9090}
  presets: [node]

exit codes: 0 fine, 1 failed, 2 the configuration is wrong
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(
        prog=PROG,
        description="Scores Prometheus series for anomalies, forecasts what can run out, and "
        "exposes scores and predicted breaches as gauges.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    add_check(commands)
    _add_backtest(commands)
    add_train(commands)
    add_drift(commands)
    add_model(commands)
    add_models(commands)
    given = sys.argv[1:] if arguments is None else arguments
    flags = parser.parse_args(with_joined_instants(given))
    setup_logging(flags.log_level, flags.log_format)
    try:
        return int(flags.action(flags))
    except (ConfigError, ConfigProblems) as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return EXIT_CONFIG
    except (ExporterError, OSError) as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return EXIT_FAILED


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "run",
        help="evaluate and serve the gauges until SIGTERM",
        description="Evaluates every query at its interval and serves the gauges on /metrics. "
        "Reloads the configuration on SIGHUP, on POST /-/reload and when the file changes; a bad "
        "one is refused and the old one stays.",
    )
    add_common_flags(parser, ":9853", "exporter.yml")
    parser.set_defaults(action=_run)


def _add_backtest(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "backtest",
        help="score history as production would have, and say what would have fired",
        description="Scores history through the same pipeline as `run`, warmed up by the "
        "look-back before --start, and reports every alarm; with --incidents also what was found, "
        "how soon, and how many false alarms there were per series and day. Queries with a "
        "`forecast` go through the forecast cycles of `run`, too: how far off they were beside "
        "seasonal naive, what their bands held, which breaches were predicted, how long before, "
        "and what became of them.",
    )
    add_config_flags(parser, "exporter.yml")
    add_range(parser, "-6h")
    parser.add_argument(
        "--incidents",
        type=Path,
        metavar="FILE",
        help="YAML with `incidents: [{kind: cpu, start: 1700000000, end: 1700000300}, ...]`",
    )
    parser.add_argument(
        "--settle",
        type=duration,
        default="2m",
        metavar="DURATION",
        help="alarms this long after an incident still belong to it (default: %(default)s)",
    )
    parser.add_argument(
        "--openmetrics",
        type=Path,
        metavar="FILE",
        help="write the scores as OpenMetrics, for `promtool tsdb create-blocks-from openmetrics`",
    )
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        type=_label,
        metavar="NAME=VALUE",
        help="label for --openmetrics on series without it, such as job=anomaly-exporter",
    )
    parser.add_argument(
        "--plots",
        type=Path,
        metavar="DIR",
        help="draw every query, QUERY.png, and its forecasts, QUERY.forecast.png (needs the extra "
        "`plots`)",
    )
    parser.add_argument(
        "--adjustments",
        type=Path,
        metavar="FILE",
        help="move thresholds, and weights of detectors, by these from the beginning: JSON as the "
        "webhook's /api/v1/adjustments gives it, or the list of those of thresholds, "
        '[{"query": "cpu", "labels": {}, "ratio": 1.1}, ...]',
    )
    parser.add_argument(
        "--forecast-time",
        type=duration,
        default="2m",
        metavar="DURATION",
        help="for the forecasts of each query; where cycles at the query's interval take longer, "
        "there are fewer, and the report says so; 0 leaves them out (default: %(default)s)",
    )
    parser.set_defaults(action=_backtest)


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed: name=value")
    return name, value


def _run(flags: argparse.Namespace) -> int:
    return_freed_memory()
    with logging_to(
        flags.log_level, flags.log_format, flags.log_directory, flags.log_retention, PROG
    ) as logs:
        options = Options(flags.config_file, flags.web_listen_address, flags.web_config_file, logs)
        asyncio.run(run_until_signal(Service(options, SystemClock()).run))
    return 0


def _backtest(flags: argparse.Namespace) -> int:
    config = read_config(flags)
    check_range(flags)
    incidents = read_incidents(flags.incidents) if flags.incidents else []
    adjusted = load_adjustments(flags.adjustments) if flags.adjustments else Kept()
    calendars = Calendars(config.calendars)
    calendars.refresh()
    masks = Masks(masks_of(config.maintenance, calendars.special))
    conditions = Conditions(Adjustments(adjusted.adjustments), masks, Weights(adjusted.weights))
    source = source_of(config)
    replays, alarms, days, series = [], [], 0.0, 0
    first = config.all_queries()[0]  # nobody waits as long as a history may take for a dead server
    step = milliseconds(first.step)
    end = milliseconds(flags.end) // step * step
    source.fetch(first.expr, end, end, step, first.timeout)
    queries = [query for query in config.all_queries() if query.detectors]
    for position, query in enumerate(queries, 1):
        print(f"[{position}/{len(queries)}] {query.name}", file=sys.stderr, flush=True)
        done = replay(query, source, flags.start, flags.end, conditions)
        merge = max(60.0, 2 * (query.step or 0))
        replays.append(done)
        alarms += alarms_of(done, flags.start, merge)
        days += judged_days(done.evaluation, flags.start)
        series += len(done.evaluation.batch.keys)
    if queries:
        report = compare(alarms, incidents, flags.settle, series, days)
        print(format_report(report, bool(incidents)))
    if flags.openmetrics:
        pages = [(r.plan.query, r.evaluation.batch, r.gauges()) for r in replays]
        with flags.openmetrics.open("w", encoding="utf-8") as file:
            file.writelines(write_history(pages, int(flags.start * 1000), dict(flags.label)))
    if flags.plots:
        flags.plots.mkdir(parents=True, exist_ok=True)
        for done in replays:
            path = flags.plots / f"{done.plan.query}.png"
            plot_query(
                path, done.plan.query, done.evaluation, done.plan.policy.threshold, incidents
            )
            print(f"drew {path}", file=sys.stderr)
    # Last, and one by one: a query that fails costs nothing of what is done by then.
    told_of = _hindcasts(flags, config, source, calendars, conditions)
    for told in told_of if flags.forecast_time else ():
        print(format_hindcast(told))
        if flags.plots and (courses := courses_of(told, flags.start)):
            path = flags.plots / f"{told.plan.query}.forecast.png"
            plot_forecasts(path, courses)
            print(f"drew {path}", file=sys.stderr)
    return 0


def _hindcasts(
    flags: argparse.Namespace,
    config: Config,
    source: Source,
    calendars: Calendars,
    conditions: Conditions,
) -> Iterator[Hindcast]:
    """Yield what would have been forecast of each query that asks for it."""
    crew = Crew("backtest", 1)
    try:
        for query in config.all_queries():
            if query.forecast is not None:
                print(f"forecasts of {query.name}", file=sys.stderr, flush=True)
                yield hindcast(
                    query,
                    source,
                    flags.start,
                    flags.end,
                    pieces=crew.map,
                    special=calendars.special,
                    seconds=flags.forecast_time,
                    clock=time.monotonic,
                    at_present=lambda: conditions,
                )
    finally:
        crew.dismiss()
