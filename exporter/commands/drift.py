"""The commands about drift: a report for people, and what is to become of baselines."""

import argparse
import sys
import time
from pathlib import Path

from exporter.adapters.baselinefile import baseline_path, load_baseline
from exporter.commands.asking import add_address, ask
from exporter.commands.flags import read_config, source_of
from exporter.config import Config, QueryConfig, milliseconds
from exporter.core.pieces import one_by_one
from exporter.core.source import Source
from exporter.errors import ConfigError, ExporterError
from exporter.loops.driftrunner import DriftRunner
from exporter.reports.drift import (
    Chapter,
    as_html,
    as_text,
    chapter_of,
    failed_chapter,
    list_versions,
    show_version,
)
from exporter.settings.drift import DriftConfig
from promkit.cliargs import add_config_flags


def add_drift(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    report = commands.add_parser(
        "drift-report",
        help="say for people how far the series of every query with `drift` have drifted",
        description="Compares the recent past of every query that has `drift` with its baseline, "
        "as `run` does, and prints statistic, status and what to do per series, worst first. "
        "Without a baseline that `run` has kept it takes one from Prometheus, and keeps nothing.",
    )
    add_config_flags(report, "exporter.yml")
    report.add_argument("--query", metavar="NAME", help="only this one")
    report.add_argument("--html", type=Path, metavar="FILE", help="also write it as a page")
    report.add_argument(
        "--series",
        type=int,
        default=100,
        metavar="NUMBER",
        help="series per query to tell of one by one (default: %(default)s)",
    )
    report.set_defaults(action=_report)
    parser = commands.add_parser("drift", help="list, show or retake the baselines of drift")
    actions = parser.add_subparsers(dest="drift", required=True, metavar="baselines|retake")
    baselines = actions.add_parser(
        "baselines",
        help="list the baselines that are kept",
        description="Lists the versions of the baselines that are kept beside the state file; "
        "with --query also mean, deviation and percentiles of its series.",
    )
    add_config_flags(baselines, "exporter.yml")
    baselines.add_argument("--query", metavar="NAME", help="only this one, with its series")
    baselines.add_argument(
        "--number", type=int, metavar="NUMBER", help="which of them (default: the one in force)"
    )
    baselines.set_defaults(action=_baselines)
    retake = actions.add_parser(
        "retake",
        help="have the running exporter take a query's baseline anew, at once",
        description="Asks the running exporter, by POST /-/drift/retake, to take the baseline of "
        "a query anew, from what its series have been like lately.",
    )
    add_config_flags(retake, "exporter.yml")
    retake.add_argument("--query", metavar="NAME", required=True, help="which one")
    add_address(retake)
    retake.set_defaults(action=_retake)


def _chosen(config: Config, name: str | None) -> list[tuple[QueryConfig, DriftConfig]]:
    """Return the queries with drift, or only the one named.

    Raises
    ------
    ConfigError
        There is none.
    """
    known = [(query, query.drift) for query in config.all_queries() if query.drift is not None]
    if not known:
        raise ConfigError(["no query has `drift`; add it to one, such as `drift: {}`"])
    chosen = [(query, drift) for query, drift in known if name in (None, query.name)]
    if not chosen:
        names = ", ".join(query.name for query, _ in known)
        raise ConfigError([f"--query: found {name!r}; allowed: {names}"])
    return chosen


def _report(flags: argparse.Namespace) -> int:
    config = read_config(flags)
    source = source_of(config)
    chapters = []
    now = time.time()
    for query, drift in _chosen(config, flags.query):
        print(f"checking {query.name}", file=sys.stderr, flush=True)
        try:
            chapters.append(drift_chapter(config, query, drift, source, now, flags.series))
        except ExporterError as error:
            chapters.append(failed_chapter(query.name, str(error)))
    print(as_text(chapters, now), end="")
    if flags.html:
        flags.html.write_text(as_html(chapters, now), encoding="utf-8")
    return int(any(chapter.error is not None for chapter in chapters))


def drift_chapter(
    config: Config,
    query: QueryConfig,
    drift: DriftConfig,
    source: Source,
    now: float,
    most: int,
) -> Chapter:
    """Return what a report says of a query: it is checked as `run` does, and nothing is kept.

    now : unix seconds
    most : series that are told of one by one

    Raises
    ------
    QueryError, StateError
        It has no answer, or its baseline cannot be read.
    """
    path = baseline_path(config.state.path, query.name)
    runner = DriftRunner(query, drift, source, path, one_by_one, time.monotonic, writes=False)
    while (outcome := runner.run(now)).checked is None:
        pass
    if outcome.checked.failure is not None:
        print(f"anomaly-exporter: {outcome.checked.failure}", file=sys.stderr)
    return chapter_of(runner.plan, query.unit, outcome.baseline, outcome.checked, most)


def _baselines(flags: argparse.Namespace) -> int:
    config = read_config(flags)
    if config.state.path is None:
        raise ConfigError(["state.path: found null, so that no baseline is kept; name a file"])
    if flags.number is not None and flags.query is None:
        raise ConfigError(["--number: found without --query; add it"])
    for query, drift in _chosen(config, flags.query):
        path = baseline_path(config.state.path, query.name)
        if path is None or not path.exists():
            print(f"query {query.name}\n  no baseline is kept yet")
            continue
        _, baseline = load_baseline(path)
        print(list_versions(query.name, baseline.versions, milliseconds(drift.step)))
        if flags.query is not None:
            numbers = {version.number: version for version in baseline.versions}
            wanted = flags.number or baseline.newest.number
            if wanted not in numbers:
                kept = ", ".join(map(str, numbers))
                raise ConfigError([f"--number: found {wanted}; allowed: {kept}"])
            print(show_version(numbers[wanted]))
    return 0


def _retake(flags: argparse.Namespace) -> int:
    _chosen(read_config(flags), flags.query)
    print(ask(flags, "/-/drift/retake", query=flags.query))
    return 0
