"""What does Grafana's alerting say beyond Alertmanager, and may be kept of it?

Its contact point "webhook" posts Alertmanager's JSON with some fields more: per alert the values
that were judged, and links to the panel, the dashboard, a silence and a picture. They come from
outside, so links are kept only where a browser may follow them, and everything is cut to a size.
"""

import math
from collections.abc import Mapping
from urllib.parse import urlsplit

from webhook.core.text import storable

# Grafana's name -> ours.
_LINKS = {
    "silenceURL": "silence_url",
    "dashboardURL": "dashboard_url",
    "panelURL": "panel_url",
    "imageURL": "image_url",
}
_MAX_URL = 2_048
_MAX_VALUES = 50
_MAX_NAME = 100
_MAX_VALUE_STRING = 2_000


def is_grafana(document: Mapping[str, object]) -> bool:
    """Tell Grafana's webhook JSON from Alertmanager's, which has none of these fields."""
    return "orgId" in document or ("title" in document and "state" in document)


def extras_of(alert: Mapping[str, object]) -> dict[str, object]:
    """Return what an alert says beyond Alertmanager's fields; {} for one of Alertmanager.

    Returns
    -------
    `values` (name of a query or expression -> number), `value_string`, and the links
    `silence_url`, `dashboard_url`, `panel_url`, `image_url`, each only where it is usable.
    """
    extras: dict[str, object] = {}
    if values := _values(alert.get("values")):
        extras["values"] = values
    text = alert.get("valueString")
    if isinstance(text, str) and text:
        extras["value_string"] = storable(text)[:_MAX_VALUE_STRING]
    for theirs, ours in _LINKS.items():
        if url := _link(alert.get(theirs)):
            extras[ours] = url
    return extras


def _values(found: object) -> dict[str, float]:
    if not isinstance(found, Mapping):
        return {}
    values: dict[str, float] = {}
    for name, value in found.items():
        try:
            # Numbers of a delivery are still text here.
            number = float(value) if isinstance(value, str) else math.nan
        except ValueError:
            continue
        if math.isfinite(number) and len(values) < _MAX_VALUES:
            values[storable(str(name))[:_MAX_NAME]] = number
    return values


def _link(found: object) -> str:
    if not isinstance(found, str) or len(found) > _MAX_URL or not found.isprintable():
        return ""
    try:
        parts = urlsplit(found)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    return storable(found) if is_good else ""
