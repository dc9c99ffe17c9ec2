"""Measure the headline targets: the recorded incidents, and the cost of many series."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from benchmarks.accuracy.files import BadInput
from benchmarks.accuracy.flags import EXIT_CONFIG, EXIT_FAILED, add_ensemble, positive
from benchmarks.accuracy.headline import Headline, measure
from benchmarks.accuracy.load import Load, load
from benchmarks.accuracy.processes import alone
from benchmarks.accuracy.recording import INCIDENTS, recorded_source
from benchmarks.accuracy.settings import config_of, with_ensemble
from exporter.config import Config, QueryConfig, parse_config
from exporter.core.source import Source
from exporter.errors import ConfigError, QueryError
from exporter.reports.backtest import format_report, read_incidents
from quickstart.stack import ROOT

BASELINE: Final = """
queries:
  - name: baseline
    expr: vector(0)
    detectors: [{kind: zscore}, {kind: mad, weight: 2}]
"""
"""What every ensemble is compared with."""

EVALUATIONS: Final = 120
"""Evaluations whose cost is averaged, one minute apart."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print tables, and return the exit code."""
    flags = _parser().parse_args(arguments)
    how = How(flags.step, flags.scrape_interval, flags.bare)
    try:
        config = config_of(flags.config, flags.detectors, flags.ensemble)
        ensembles = {
            "measured": config,
            "zscore, mad": parse_config(BASELINE, "baseline"),
        }
        with recorded_source() as source:
            told = {name: on_recording(one, source, how) for name, one in ensembles.items()}
    except ConfigError as error:
        _say("\n".join(error.problems))
        return EXIT_CONFIG
    except (BadInput, QueryError) as error:
        _say(str(error))
        return EXIT_FAILED
    costs = {
        name: alone(load, one, flags.series, flags.lookback, EVALUATIONS)
        for name, one in ensembles.items()
    }
    print(table(told, costs))
    for name, headline in told.items():
        print(f"\n{name}: {', '.join(_kinds(ensembles[name]))}\n")
        print(format_report(headline.report, with_incidents=True))
    return 0


@dataclass(frozen=True)
class How:
    """In which way the recording is judged.

    Parameters
    ----------
    step : seconds between evaluations
    scrape_interval : seconds, a quarter of the range over which rates are taken; None is the
        quickstart's
    is_bare : by the detectors alone, without what the queries call a harmless deviation
    """

    step: int
    scrape_interval: int | None
    is_bare: bool


def on_recording(config: Config, source: Source, how: How) -> Headline:
    """Judge the recorded host with the queries of the quickstart and another ensemble.

    config : its first query's ensemble is measured
    """
    known = yaml.safe_load(INCIDENTS.read_text(encoding="utf-8"))
    queries = recorded_queries(config.all_queries()[0], how)
    incidents = read_incidents(INCIDENTS)
    return measure(queries, source, incidents, float(known["start"]), float(known["end"]))


def recorded_queries(measured: QueryConfig, how: How) -> list[QueryConfig]:
    """Return the quickstart's queries, resolved, with another ensemble."""
    path = ROOT / "quickstart" / "exporter.yml"
    config = parse_config(path.read_text(encoding="utf-8"), str(path))
    update: dict[str, Any] = {"evaluation_interval": float(how.step)}
    if how.scrape_interval:
        scraped = {"scrape_interval": float(how.scrape_interval)}
        update["prometheus"] = config.prometheus.model_copy(update=scraped)
    # There is nothing to look back on before the recording.
    changes: dict[str, Any] = {"lookback": float(how.step)}
    if how.is_bare:
        changes |= {"min_deviation": 0.0, "min_relative_deviation": 0.0, "direction": "both"}
    return [
        with_ensemble(query, measured).model_copy(update=changes)
        for query in config.model_copy(update=update).all_queries()
    ]


def table(told: Mapping[str, Headline], costs: Mapping[str, Load]) -> str:
    """Return the headline targets as a Markdown table, one column per ensemble."""
    rows = {
        "incidents found": "all",
        "false alarms": "fewer than zscore, mad",
        "F1 on incidents": "> 0.85",
        "from onset to alarm, median": "< 30 s",
        "from onset to alarm, longest": "< 30 s",
        "accuracy by moment, of the level": "> 90 %",
        "false-positive rate by moment, of the level": "< 5 %",
        "accuracy by moment, of the score": "> 90 %",
        "false-positive rate by moment, of the score": "< 5 %",
        "inference per series": "< 5 ms",
        "series per second": "> 1,200",
        "slowest evaluation": "",
        "memory at the peak": "< 1 GB",
    }
    columns = [_column(told[name], costs[name]) for name in told]
    lines = [f"| | asked | {' | '.join(told)} |", "|---|---|" + "---|" * len(columns)]
    for number, (title, asked) in enumerate(rows.items()):
        cells = " | ".join(column[number] for column in columns)
        lines.append(f"| {title} | {asked} | {cells} |")
    return "\n".join(lines)


def _column(told: Headline, cost: Load) -> tuple[str, ...]:
    false_alarms = told.report.false_alarms
    return (
        f"{told.found} of {len(told.report.findings)}",
        f"{len(false_alarms)} ({told.report.false_alarms_per_series_and_day:.1f} a series-day)",
        f"{told.f1:.2f}",
        f"{told.median_delay:.0f} s",
        f"{max(told.delays, default=float('nan')):.0f} s",
        f"{told.level.accuracy:.1%}",
        f"{told.level.false_positive_rate:.1%}",
        f"{told.alerting.accuracy:.1%}",
        f"{told.alerting.false_positive_rate:.1%}",
        f"{cost.milliseconds_per_series:.4f} ms",
        f"{cost.series_per_second:,.0f}",
        f"{cost.worst * 1000:.0f} ms for {cost.series} series",
        f"{cost.peak / 1e6:.0f} MB",
    )


def _kinds(config: Config) -> list[str]:
    return [detector.name for detector in config.all_queries()[0].detectors]


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.incidents", description=__doc__
    )
    add_ensemble(parser)
    parser.add_argument(
        "--step", type=positive, default=10, help="seconds between evaluations (default: 10)"
    )
    parser.add_argument(
        "--scrape-interval",
        type=positive,
        metavar="SECONDS",
        help="rates are taken over four of it (default: what the quickstart has)",
    )
    parser.add_argument(
        "--bare",
        action="store_true",
        help="ignore direction and smallest deviation of the queries: the detectors alone",
    )
    parser.add_argument(
        "--series", type=positive, default=1200, help="of which the cost is told (default: 1200)"
    )
    parser.add_argument(
        "--lookback",
        type=positive,
        default=1440,
        help="columns that they have learned from by then (default: 1440)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
