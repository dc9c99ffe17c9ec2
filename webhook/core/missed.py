"""Where should an alert have come and did not? What a person may say of that."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from webhook.core.text import one_line, storable
from webhook.core.verdicts import MAX_AUTHOR, MAX_REASON, Via

LONGEST_DAYS = 7
MOST_LABELS = 40
# As the exporter's configuration has them.
_QUERY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,127}")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LONGEST_VALUE = 1_024


@dataclass(frozen=True, slots=True)
class Missed:
    """A time in which a series was anomalous and nobody was told; made by `missed_of`.

    Parameters
    ----------
    labels : of the series as the exporter publishes it; none for the whole query
    start, end : unix seconds
    """

    query: str
    labels: Mapping[str, str]
    start: float
    end: float
    reason: str
    author: str
    via: Via


def missed_of(
    query: str,
    labels: Mapping[str, str],
    start: float,
    end: float,
    *,
    now: float,
    reason: str = "",
    author: str = "",
    via: Via,
) -> Missed:
    """Return what can be stored of what was sent to us; `now` in unix seconds.

    Raises
    ------
    ValueError
        If it is about no series, or about no time that has passed; the text says which part.
    """
    if not _QUERY.fullmatch(query):
        raise ValueError(
            f"query is {storable(query)[:50]!r}; allowed: the name of a query of the exporter"
        )
    if len(labels) > MOST_LABELS:
        raise ValueError(f"labels are {len(labels)}; allowed: at most {MOST_LABELS}")
    for name, value in labels.items():
        if not _NAME.fullmatch(name) or name in ("__name__", "query"):
            raise ValueError(
                f"labels have the name {storable(name)[:50]!r}; allowed: those that the exporter "
                "publishes the series with, without query"
            )
        if len(value) > _LONGEST_VALUE:
            raise ValueError(
                f"the label {name} has {len(value)} characters; allowed: {_LONGEST_VALUE}"
            )
    if not (math.isfinite(start) and math.isfinite(end) and 0 < start < end):
        raise ValueError("start is not before end; allowed: a time that begins before it ends")
    if end > now:
        raise ValueError("end lies in the future; allowed: what has passed")
    if end - start > LONGEST_DAYS * 86_400.0:
        raise ValueError(
            f"it lasts longer than {LONGEST_DAYS} days; mark the part that people should have "
            "heard of"
        )
    return Missed(
        query,
        {name: storable(value) for name, value in labels.items() if value},
        start,
        end,
        one_line(reason, MAX_REASON),
        one_line(author, MAX_AUTHOR),
        via,
    )


def may_be_one(labels: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Tell whether two sets of labels may be of one series: both have no label that differs."""
    return all(others.get(name, value) == value for name, value in labels.items())
