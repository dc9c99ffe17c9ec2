"""Where can the reader go from here? Addresses made of our own configuration and an alert's labels.

Labels come from anywhere, so each is quoted for PromQL and escaped for an address; and an address
from an alert is only ever shown, as a link, if it is one of the web.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit, urlunsplit

from promkit.durations import format_duration

_MOVED = ("severity", "alertname")
_BAND = "anomaly_(value|expected_value|lower_bound|upper_bound)"


def is_web(text: str) -> bool:
    """Tell whether a text may be shown as a link: `javascript:` must not run in our pages."""
    return text.startswith(("http://", "https://")) and not any(map(str.isspace, text))


def without_secrets(url: str) -> str:
    """Return what of an address that we ask may be shown: no user name, password or query."""
    parts = urlsplit(url)
    return urlunsplit(
        (parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", "")
    )


def series_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of the series that an alert speaks of, its query included.

    The rules move a series' own `severity` and `alertname` aside; here they are moved back.
    """
    own = {name: value for name, value in labels.items() if name not in _MOVED and value}
    for name in _MOVED:
        if (moved := own.pop(f"exported_{name}", None)) is not None:
            own[name] = moved
    return own


def quoted(text: str) -> str:
    """Return a string literal as PromQL and Alertmanager's matchers read it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def selector(names: str, labels: Mapping[str, str]) -> str:
    """Return the PromQL for series with exactly these values.

    names : regular expression on the metric name
    """
    pairs = [f"__name__=~{quoted(names)}"]
    pairs += [f"{name}={quoted(value)}" for name, value in sorted(labels.items())]
    return f"{{{','.join(pairs)}}}"


def graph_url(base: str, labels: Mapping[str, str], until: float, seconds: float) -> str:
    """Return Prometheus' graph of a series with its band.

    Parameters
    ----------
    base : where links to Prometheus start
    labels : of the series, as `series_labels` returns them
    until, seconds : where the graph ends, unix seconds, and how much of the past it shows
    """
    end = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M:%S")
    fields = {
        "g0.expr": selector(_BAND, labels),
        "g0.tab": "0",
        "g0.range_input": format_duration(float(int(seconds))),
        "g0.end_input": end,
    }
    return f"{base}/graph?" + "&".join(f"{name}={quote(value)}" for name, value in fields.items())


def silence_url(base: str, labels: Mapping[str, str]) -> str:
    """Return Alertmanager's form for a silence of exactly this alert."""
    matchers = ",".join(f"{name}={quoted(value)}" for name, value in sorted(labels.items()))
    return f"{base.rstrip('/')}/#/silences/new?filter={quote(f'{{{matchers}}}', safe='')}"
