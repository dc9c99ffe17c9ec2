"""Which thresholds were moved, and how are they put back? `anomaly-webhook thresholds`."""

import argparse
import json

from promkit.clock import SystemClock
from webhook.adapters.database import Database
from webhook.adapters.thresholds import (
    ThresholdRefused,
    Written,
    list_history,
    list_thresholds,
    set_ratio,
    undo,
)
from webhook.commands.flags import add_changes, add_labels, add_who
from webhook.commands.storejob import ask, history_json, named
from webhook.config import WebhookConfig
from webhook.core.message import rfc3339

_DESCRIPTION = """\
Say by what verdicts have moved thresholds, undo a change, or choose a ratio. The daemon may go on
meanwhile: it publishes what the store holds. The exporter follows with its next evaluations.

Exit code 0: done; 1: it did not work; 2: the command line or the configuration is wrong.
"""
_EXAMPLE = """\
examples:
  anomaly-webhook thresholds list
  anomaly-webhook thresholds history --query node_cpu_busy
  anomaly-webhook thresholds undo 7 --reason "too deaf"
  anomaly-webhook thresholds set node_cpu_busy 1.2 --labels instance=db:9100
"""


def add_flags(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Describe the command; return the parsers of what it can do."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLE
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    looking = add_changes(actions)
    setting = actions.add_parser("set", help="put a ratio of your own in force")
    setting.add_argument("query", help="name of the query")
    setting.add_argument("ratio", type=float, help="0.5 to 1.5; 1 is as configured")
    add_labels(setting)
    add_who(setting)
    return [*looking, setting]


def run(options: argparse.Namespace, config: WebhookConfig) -> int:
    """Do what was asked for; return the exit code."""
    database, now = config.store.database, SystemClock().now()
    try:
        match options.action:
            case "list":
                print("\n".join(_listed(database, as_json=options.json)))
            case "history":
                print("\n".join(_history(database, options)))
            case "undo":
                written = ask(
                    database,
                    lambda c: undo(c, options.change, options.author, options.reason, now),
                    is_writing=True,
                )
                print(_said(written))
            case _:
                written = ask(
                    database,
                    lambda c: set_ratio(
                        c,
                        options.query,
                        options.labels,
                        options.ratio,
                        options.author,
                        options.reason,
                        now,
                    ),
                    is_writing=True,
                )
                print(_said(written))
    except ThresholdRefused as error:
        print(f"nothing was changed: {error}")
        return 1
    return 0


def _said(written: Written) -> str:
    return f"{written.query}: {written.words} (change {written.id})"


def _listed(database: Database, *, as_json: bool) -> list[str]:
    rows = ask(database, list_thresholds)
    if as_json:
        listed = [
            {"query": row.query, "labels": row.labels, "ratio": row.ratio,
             "changed_at": rfc3339(row.changed_at)}
            for row in rows
        ]  # fmt: skip
        return [json.dumps({"adjustments": listed}, indent=1)]
    return [
        f"{row.ratio:<9g} {rfc3339(row.changed_at)}  {row.query}{named(row.labels)}" for row in rows
    ] or ["no threshold was ever moved"]


def _history(database: Database, options: argparse.Namespace) -> list[str]:
    limit = max(1, options.limit)
    rows, _ = ask(database, lambda c: list_history(c, limit, query=options.query))
    if options.json:
        return history_json(rows)
    return [
        f"{row.id:<6} {rfc3339(row.at)}  {row.subject}{named(row.after['labels'])}  "
        f"{row.before['ratio']:g} -> {row.after['ratio']:g}  {row.actor}: {row.detail}"
        for row in rows
    ] or ["no threshold was ever moved"]
