"""Which series are anomalous now, as JSON for programs and as a table for people?"""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from aiohttp import web

from exporter.adapters.pagetables import row, table
from exporter.adapters.pagewords import amount, instant
from exporter.explain import Explanation

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000
SHOWN = 20
"""Anomalies on the page for people."""

_HEAD = ("query", "series", "since", "score", "why")


@dataclass(frozen=True, slots=True)
class Anomalies:
    """The worst of the series that are anomalous now.

    Parameters
    ----------
    total : how many there are
    worst : as many of them as were asked for, the highest score first
    """

    total: int
    worst: Sequence[Explanation]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for: at most `limit` anomalies, of one query or of all."""

    limit: int = DEFAULT_LIMIT
    query: str | None = None


def read_wanted(parameters: Mapping[str, str]) -> Wanted:
    """Read the parameters of `GET /api/v1/anomalies`.

    Raises
    ------
    ValueError
        One is unknown or out of bounds; the text says which.
    """
    if unknown := sorted(parameters.keys() - {"limit", "query"}):
        raise ValueError(f"found the parameter {unknown[0]!r}; allowed: limit, query")
    limit = parameters.get("limit", str(DEFAULT_LIMIT))
    is_number = limit.isascii() and limit.isdigit() and len(limit) <= len(str(MAX_LIMIT))
    if not (is_number and 1 <= int(limit) <= MAX_LIMIT):
        raise ValueError(f"limit is {limit!r}; allowed: 1 to {MAX_LIMIT}")
    return Wanted(int(limit), parameters.get("query"))


def as_json(found: Anomalies) -> web.Response:
    """Return the answer for programs; a number that JSON does not have is null."""
    worst = [_finite(_with_instants(one)) for one in found.worst]
    return web.json_response({"anomalies": worst, "total": found.total})


def as_table(found: Anomalies) -> str:
    """Return the HTML for people."""
    if not found.total:
        return "<p>Nothing is anomalous now.</p>"
    caption = f"{amount(found.total, 'series is', 'series are')} anomalous, the highest score first"
    rows = (row(_HEAD, f"<b>{html.escape(one.query)}</b>", _cells(one)) for one in found.worst)
    more = ""
    if found.total > len(found.worst):
        hidden = found.total - len(found.worst)
        more = f'<p>and {hidden} more: <a href="api/v1/anomalies">api/v1/anomalies</a></p>'
    return f"{table(caption, _HEAD, rows)}{more}"


def _cells(one: Explanation) -> list[str]:
    series = ", ".join(f'{name}="{value}"' for name, value in one.labels.items())
    texts = (series, instant(one.since), f"{one.score:.2f}", one.reason)
    return [html.escape(text) for text in texts]


def _with_instants(one: Explanation) -> dict[str, object]:
    told = asdict(one)
    told["since"] = _rfc3339(one.since)
    told["occurrences"] = [
        {
            "start": _rfc3339(past.start),
            "duration_seconds": past.duration,
            "sigmas": round(past.sigmas, 2),
        }
        for past in one.occurrences
    ]
    return told


def _finite(value: object) -> object:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {name: _finite(each) for name, each in value.items()}
        case list():
            return [_finite(each) for each in value]
        case _:
            return value


def _rfc3339(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
