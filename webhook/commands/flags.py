"""What do several commands read from their flags?"""

import argparse

from promkit.clock import SystemClock
from promkit.instants import instant
from promkit.labels import parse_matchers

COMMAND_LINE = "command line"


def labels_flag(text: str) -> dict[str, str]:
    """Return labels written as matchers, all of them equal."""
    try:
        matchers = parse_matchers(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if any(matcher.op != "=" for matcher in matchers):
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed: name=value, name=value")
    return {matcher.name: matcher.value for matcher in matchers}


def instant_flag(text: str) -> float:
    """Return the unix seconds that a text stands for."""
    try:
        return instant(text, SystemClock().now())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_who(parser: argparse.ArgumentParser) -> None:
    """Add the flags for who does it, and why."""
    parser.add_argument("--reason", default="", help="why, for the history")
    parser.add_argument("--author", default=COMMAND_LINE, help="who, for the history")


def add_labels(parser: argparse.ArgumentParser) -> None:
    """Add the flag for the labels of a series."""
    parser.add_argument(
        "--labels",
        type=labels_flag,
        default={},
        metavar="NAME=VALUE,…",
        help="of one series, all that the exporter publishes; none: the whole query",
    )


def add_changes(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> list[argparse.ArgumentParser]:
    """Add what all can do that keep a history: list, history and undo; return their parsers."""
    listing = actions.add_parser("list", help="every ratio that was ever changed")
    history = actions.add_parser("history", help="changes and proposals, the newest first")
    history.add_argument("--query", metavar="NAME", help="of one query alone")
    history.add_argument("--limit", type=int, default=20, metavar="N", help="default: %(default)s")
    undoing = actions.add_parser("undo", help="take one change back")
    undoing.add_argument("change", type=int, help="its number in the history")
    add_who(undoing)
    for each in (listing, history):
        each.add_argument("--json", action="store_true", help="for programs")
    return [listing, history, undoing]
