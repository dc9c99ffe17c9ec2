"""Which series of a limit's query holds for which series?"""

import json
from collections.abc import Sequence

import numpy as np

from exporter.core.series import Ints, Keys


def limits_of(keys: Keys, limits: Keys) -> Ints:
    """Return which limit holds for each series, int64 [S]; -1 where none does.

    A limit holds for all series that have all of its labels, the name aside; of several the one
    with the most labels, and of those the first.

    Parameters
    ----------
    keys : S series
    limits : the label sets of the limits
    """
    wanted = _by_names(limits)
    found = np.full(len(keys), -1, dtype=np.int64)
    if list(wanted) == [()]:  # one for all
        found[:] = wanted[()][()]
        return found
    for row, key in enumerate(keys):
        labels = _labels(key)
        for names, known in wanted.items():
            limit = known.get(tuple(labels.get(name) for name in names))
            if limit is not None:
                found[row] = limit
                break
    return found


def _by_names(
    limits: Sequence[bytes],
) -> dict[tuple[str, ...], dict[tuple[str | None, ...], int]]:
    """Return label names -> their values -> limit, those with most labels first."""
    grouped: dict[tuple[str, ...], dict[tuple[str | None, ...], int]] = {}
    for row, key in enumerate(limits):
        labels = _labels(key)
        names = tuple(sorted(labels))
        grouped.setdefault(names, {}).setdefault(tuple(labels[name] for name in names), row)
    return {names: grouped[names] for names in sorted(grouped, key=lambda names: -len(names))}


def _labels(key: bytes) -> dict[str, str]:
    labels: dict[str, str] = json.loads(key.decode(errors="replace"), strict=False)
    labels.pop("__name__", None)
    return labels
