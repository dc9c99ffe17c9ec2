"""Which weights of detectors were moved, and how are they put back? `anomaly-webhook weights`."""

import argparse
import json

from promkit.clock import SystemClock
from webhook.adapters.database import Database
from webhook.adapters.weights import (
    WeightRefused,
    WeightsWritten,
    list_weight_history,
    list_weights,
    reset_weights,
    set_weights,
    undo_weights,
)
from webhook.commands.flags import add_changes, add_who
from webhook.commands.storejob import ask, history_json
from webhook.config import WebhookConfig
from webhook.core.message import rfc3339

_DESCRIPTION = """\
Say by what verdicts have moved the weights of detectors, undo a change, or choose a ratio. The
daemon may go on meanwhile: it publishes what the store holds. The exporter follows with its next
evaluations.

Exit code 0: done; 1: it did not work; 2: the command line or the configuration is wrong.
"""
_EXAMPLE = """\
examples:
  anomaly-webhook weights list
  anomaly-webhook weights history --query node_cpu_busy
  anomaly-webhook weights undo 12 --reason "it was the only one to see it"
  anomaly-webhook weights set node_cpu_busy zscore 0.8
  anomaly-webhook weights reset node_cpu_busy
"""
_NEVER = "no weight was ever moved"


def add_flags(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Describe the command; return the parsers of what it can do."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLE
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    looking = add_changes(actions)
    setting = actions.add_parser("set", help="put a ratio of your own in force")
    setting.add_argument("query", help="name of the query")
    setting.add_argument("detector", help="as anomaly_detector_score names it")
    setting.add_argument("ratio", type=float, help="0.5 to 1.5; 1 is as configured")
    resetting = actions.add_parser("reset", help="put all ratios of a query back to 1")
    resetting.add_argument("query", help="name of the query")
    for each in (setting, resetting):
        add_who(each)
    return [*looking, setting, resetting]


def run(options: argparse.Namespace, config: WebhookConfig) -> int:
    """Do what was asked for; return the exit code."""
    database = config.store.database
    try:
        match options.action:
            case "list":
                print("\n".join(_listed(database, as_json=options.json)))
            case "history":
                print("\n".join(_history(database, options)))
            case _:
                print(_said(_change(database, options)))
    except WeightRefused as error:
        print(f"nothing was changed: {error}")
        return 1
    return 0


def _change(database: Database, options: argparse.Namespace) -> WeightsWritten:
    now, author, reason = SystemClock().now(), options.author, options.reason
    match options.action:
        case "undo":
            return ask(
                database,
                lambda c: undo_weights(c, options.change, author, reason, now),
                is_writing=True,
            )
        case "set":
            ratios = {options.detector: options.ratio}
            return ask(
                database,
                lambda c: set_weights(c, options.query, ratios, author, reason, now),
                is_writing=True,
            )
        case _:
            return ask(
                database,
                lambda c: reset_weights(c, options.query, author, reason, now),
                is_writing=True,
            )


def _said(written: WeightsWritten) -> str:
    return f"{written.query}: {written.words} (change {written.id})"


def _listed(database: Database, *, as_json: bool) -> list[str]:
    rows = ask(database, list_weights)
    if as_json:
        listed = [
            {"query": row.query, "detector": row.detector, "ratio": row.ratio,
             "changed_at": rfc3339(row.changed_at)}
            for row in rows
        ]  # fmt: skip
        return [json.dumps({"weights": listed}, indent=1)]
    return [
        f"{row.ratio:<9g} {rfc3339(row.changed_at)}  {row.query} {row.detector}" for row in rows
    ] or [_NEVER]


def _history(database: Database, options: argparse.Namespace) -> list[str]:
    limit = max(1, options.limit)
    rows, _ = ask(database, lambda c: list_weight_history(c, limit, query=options.query))
    if options.json:
        return history_json(rows)
    return [
        f"{row.id:<6} {rfc3339(row.at)}  {row.subject}  {row.actor}: {row.detail}" for row in rows
    ] or [_NEVER]
