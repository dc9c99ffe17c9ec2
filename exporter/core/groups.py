"""Which series belong together?"""

import json
from functools import lru_cache

import numpy as np

from exporter.core.series import Ints, Keys


@lru_cache(maxsize=16)
def groups_by(keys: Keys, labels: tuple[str, ...]) -> Ints:
    """Return the number of each series' group, int64 [S], from 0 in order of first appearance.

    Parameters
    ----------
    keys : label sets as JSON
    labels : series that agree in all of these are one group; a label that is not there is empty
    """
    numbers: dict[tuple[str, ...], int] = {}
    found = np.empty(len(keys), dtype=np.int64)
    for row, key in enumerate(keys):
        values = json.loads(key.decode(errors="replace"), strict=False)
        group = tuple(values.get(label, "") for label in labels)
        found[row] = numbers.setdefault(group, len(numbers))
    found.flags.writeable = False
    return found


def members_of(groups: Ints) -> list[Ints]:
    """Return the rows of each group, in order of its number."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    return np.split(order, starts[1:]) if len(order) else []
