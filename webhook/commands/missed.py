"""Where should an alert have come? `anomaly-webhook missed` says it, lists it, takes it back."""

import argparse
import json
from typing import Any

from sqlalchemy import Row

from promkit.clock import SystemClock
from webhook.adapters.database import Database
from webhook.adapters.missed import list_missed, mark, withdraw
from webhook.commands.flags import add_labels, add_who, instant_flag
from webhook.commands.storejob import ask, named
from webhook.config import WebhookConfig
from webhook.core.message import rfc3339
from webhook.core.missed import missed_of
from webhook.core.thresholds import hidden_words

_DESCRIPTION = """\
Mark a time in which an alert should have come and did not. It counts against the recall of its
query, its samples are not learned from, and raised thresholds that hid it come down. The daemon
may go on meanwhile: it publishes what the store holds.

Exit code 0: done; 1: it did not work; 2: the command line or the configuration is wrong.
"""
_EXAMPLE = """\
examples:
  anomaly-webhook missed add node_cpu_busy --labels instance=db:9100 --start -2h --end -90m
  anomaly-webhook missed add node_cpu_busy --start 2026-11-21T10:00:00Z --end 2026-11-21T10:40:00Z
  anomaly-webhook missed list --query node_cpu_busy
  anomaly-webhook missed withdraw 3 --reason "wrong day"
"""


def add_flags(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Describe the command; return the parsers of what it can do."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLE
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser("add", help="mark a time, of one series or of a whole query")
    adding.add_argument("query", help="name of the query")
    for name in ("--start", "--end"):
        adding.add_argument(
            name,
            type=instant_flag,
            required=True,
            metavar="TIME",
            help="RFC 3339, unix seconds, or back from now like -2h",
        )
    add_labels(adding)
    listing = actions.add_parser("list", help="the marks, the newest first")
    listing.add_argument("--query", metavar="NAME", help="of one query alone")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="default: %(default)s")
    listing.add_argument("--json", action="store_true", help="for programs")
    withdrawing = actions.add_parser("withdraw", help="take a mark back; it counts no more")
    withdrawing.add_argument("missed", type=int, help="its number in the list")
    for each in (adding, withdrawing):
        add_who(each)
    return [adding, listing, withdrawing]


def run(options: argparse.Namespace, config: WebhookConfig) -> int:
    """Do what was asked for; return the exit code."""
    database = config.store.database
    try:
        match options.action:
            case "list":
                print("\n".join(_listed(database, options)))
            case "add":
                print(_add(database, options))
                print(
                    hidden_words(
                        is_enabled=config.tuning.enabled,
                        has_prometheus=config.prometheus is not None,
                    )
                )
            case _:
                now = SystemClock().now()
                row = ask(
                    database,
                    lambda c: withdraw(c, options.missed, options.author, now, options.reason),
                    is_writing=True,
                )
                print(f"mark {row.id} of {row.query}{named(row.labels)} counts no more")
    except ValueError as error:  # MissedRefused is one
        print(f"nothing was changed: {error}")
        return 1
    return 0


def _add(database: Database, options: argparse.Namespace) -> str:
    now = SystemClock().now()
    marked = missed_of(
        options.query,
        options.labels,
        options.start,
        options.end,
        now=now,
        reason=options.reason,
        author=options.author,
        via="cli",
    )
    number = ask(database, lambda connection: mark(connection, marked, now), is_writing=True)
    return (
        f"mark {number}: {marked.query}{named(marked.labels)} missed an alert from "
        f"{rfc3339(marked.start)} to {rfc3339(marked.end)}; the daemon publishes it at once"
    )


def _listed(database: Database, options: argparse.Namespace) -> list[str]:
    limit = max(1, options.limit)
    rows = ask(database, lambda connection: list_missed(connection, limit, options.query))
    if options.json:
        return [json.dumps(row._asdict()) for row in rows]
    return [_line(row) for row in rows] or ["nobody has marked anything"]


def _line(row: Row[Any]) -> str:
    gone = "" if row.withdrawn_at is None else f", taken back {rfc3339(row.withdrawn_at)}"
    reason = f": {row.reason}" if row.reason else ""
    return (
        f"{row.id:<6} {rfc3339(row.starts_at)} to {rfc3339(row.ends_at)}  "
        f"{row.query}{named(row.labels)}  {row.author or row.via}{reason}{gone}"
    )
