"""Under which labels is a series published? Its own, apart from names that are taken or illegal."""

import json
import re
from collections.abc import Mapping
from typing import Final

OURS: Final = ("query", "detector", "horizon", "test")
"""Labels that our gauges have."""

MOVED: Final = "exported_"
"""Goes before a name that is taken, as in a scrape."""

_ILLEGAL = re.compile(r"[^a-zA-Z0-9_]|^(?=[0-9]|$)")


def named(key: bytes) -> dict[str, str]:
    """Return the labels of a series as Prometheus has them, a question mark for what is no text."""
    labels: dict[str, str] = json.loads(key.decode(errors="replace"), strict=False)
    return labels


def published_labels(own: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """Return ours and, under the names that they are published by, a series' own labels.

    own : without its name
    """
    labels = dict(ours)
    for label, value in own.items():
        legal = _ILLEGAL.sub("_", label)
        while legal in labels or legal in OURS or legal.startswith("__"):
            legal = f"{MOVED}{legal}"
        labels[legal] = value
    return labels
