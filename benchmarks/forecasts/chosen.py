"""Which forecasters, and how many columns? The flags that both commands share."""

import argparse
from collections.abc import Sequence

from exporter.forecasters import ALL
from exporter.forecasters.base import Forecaster


class BadFlag(Exception):
    """A flag's value is not allowed; says which and what is."""


def forecasters(kinds: Sequence[str]) -> list[Forecaster]:
    """Return the forecasters of those kinds, by default all, with their defaults.

    Raises
    ------
    BadFlag
        There is no such kind.
    """
    known = {each.name: each for each in (kind() for kind in ALL)}
    if unknown := [kind for kind in kinds if kind not in known]:
        allowed = ", ".join(known)
        raise BadFlag(f"--forecasters: found {unknown[0]!r}; allowed are {allowed}")
    return [known[kind] for kind in dict.fromkeys(kinds or known)]


def columns(text: str) -> int:
    """Return a whole number of at least 0."""
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"found {number}, the least is 0")
    return number
