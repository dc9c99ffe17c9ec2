"""What stays silent, and how is that taken back? `anomaly-webhook patterns`."""

import argparse
import json
from typing import Any

from sqlalchemy import Row

from promkit.clock import SystemClock
from webhook.adapters.patterns import PatternRefused, forget, list_patterns, state_of
from webhook.commands.flags import add_who
from webhook.commands.storejob import ask, named
from webhook.config import WebhookConfig
from webhook.core.message import rfc3339
from webhook.core.patterns import clock_words

_DESCRIPTION = """\
List the harmless patterns: what went the same way at the same hour when people called it harmless
gets no message. Take one back, and what it silences is told. The daemon may go on meanwhile.

Exit code 0: done; 1: it did not work; 2: the command line or the configuration is wrong.
"""
_EXAMPLE = """\
examples:
  anomaly-webhook patterns list
  anomaly-webhook patterns forget 3 --reason "the backup has moved"
"""


def add_flags(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Describe the command; return the parsers of what it can do."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLE
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every pattern, the newest first")
    listing.add_argument("--json", action="store_true", help="for programs")
    forgetting = actions.add_parser("forget", help="take a pattern back")
    forgetting.add_argument("pattern", type=int, help="its number in the list")
    add_who(forgetting)
    return [listing, forgetting]


def run(options: argparse.Namespace, config: WebhookConfig) -> int:
    """Do what was asked for; return the exit code."""
    database, now = config.store.database, SystemClock().now()
    if options.action == "list":
        rows = ask(database, list_patterns)
        if options.json:
            print("\n".join(json.dumps(row._asdict()) for row in rows))
        else:
            print("\n".join(_line(row, now) for row in rows) or "no pattern is known as harmless")
        return 0
    try:
        row = ask(
            database,
            lambda c: forget(c, options.pattern, options.author, options.reason, now),
            is_writing=True,
        )
    except PatternRefused as error:
        print(f"nothing was changed: {error}")
        return 1
    print(f"pattern {row.id} of {row.query}{named(row.labels)} silences nothing more")
    return 0


def _line(row: Row[Any], now: float) -> str:
    ends = rfc3339(row.expires_at if row.forgotten_at is None else row.forgotten_at)
    of = ", ".join(map(str, row.incidents))
    return (
        f"{row.id:<6} {state_of(row, now):<9}  {row.query}{named(row.labels)} at "
        f"{clock_words(row.minute)} {row.timezone}, until {ends}; of incidents {of}; "
        f"silenced {row.silenced}, let through {row.let_through}"
    )
