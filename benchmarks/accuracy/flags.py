"""The flags that all three commands share."""

import argparse
import os
from pathlib import Path

EXIT_FAILED = 1
EXIT_CONFIG = 2


def add_ensemble(parser: argparse.ArgumentParser) -> None:
    """Add what is measured: ``config`` (Path or None), ``detectors`` (kinds), ``ensemble``."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="an exporter's; its first query is measured"
    )
    parser.add_argument(
        "--detectors",
        type=names,
        default=(),
        metavar="A,B",
        help="kinds with their defaults, in place of the query's ensemble",
    )
    parser.add_argument("--ensemble", default="", metavar="NAME", help="a ready ensemble instead")


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add ``jobs``, a number of processes."""
    parser.add_argument(
        "--jobs",
        type=positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes (default: %(default)s)",
    )


def names(text: str) -> tuple[str, ...]:
    """Return what stands between the commas."""
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def positive(text: str) -> int:
    """Return a whole number of at least 1."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"found {number}, the least is 1")
    return number
