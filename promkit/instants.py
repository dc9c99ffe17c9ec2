"""Which instant does a flag of the command line name? RFC 3339, unix seconds, or back from now."""

from collections.abc import Collection, Sequence
from datetime import datetime

from promkit.durations import parse_duration

FLAGS = ("--start", "--end")


def with_joined_instants(arguments: Sequence[str], flags: Collection[str] = FLAGS) -> list[str]:
    """Return the arguments with `--start -6h` as `--start=-6h`: argparse takes -6h for a flag."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in flags and not argument.startswith("--"):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def instant(text: str, now: float) -> float:
    """Return the unix seconds that a text stands for, given those of now.

    Raises
    ------
    ValueError
        If it is no instant; the message says what is.
    """
    try:
        if text.startswith("-"):
            return now - parse_duration(text[1:])
        if text.replace(".", "", 1).isdigit():
            return float(text)
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(
            f"found {text!r}; allowed: RFC 3339 such as 2026-01-31T10:00:00Z, unix seconds, or "
            "back from now like -6h"
        ) from None
