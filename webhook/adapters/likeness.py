"""Which series is an alert about? The one whose labels are all among the alert's, and the most."""

import re
from collections.abc import Mapping, Sequence

from webhook.adapters.prometheus import Track
from webhook.adapters.verdictpast import SCRAPED
from webhook.core.links import quoted

# Tells the parts of one answer apart; no series has a label of this name.
PART = "anomaly_webhook_part"
_LEGACY_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MOST_LABELS = 40


def possible_series(names: str, labels: Mapping[str, str]) -> str:
    """Return the PromQL for series whose labels are each like the alert's, or not there at all.

    Alerts have labels that their series lack: external ones, and those of whoever passed them on.
    """
    pairs = [f"__name__=~{quoted(names)}", f"query={quoted(labels['query'])}"]
    for name, value in sorted(labels.items())[:_MOST_LABELS]:
        if name != "query" and _LEGACY_NAME.fullmatch(name):
            pairs.append(f"{name}=~{quoted(re.escape(value) + '|')}")
    return f"{{{','.join(pairs)}}}"


def closest_series(tracks: Sequence[Track], labels: Mapping[str, str]) -> dict[str, str] | None:
    """Return the labels of the series that has most in common with the alert, and nothing else."""
    wanted = labels.items()
    found = [own for track in tracks if (own := without_name(track)).items() <= wanted]
    return max(found, key=len) if found else None


def without_name(track: Track) -> dict[str, str]:
    """Return the labels that are the series' own."""
    return {name: value for name, value in track.labels.items() if name not in ("__name__", PART)}


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return a series' labels as the exporter has them, without `query`."""
    return {
        name: value
        for name, value in labels.items()
        if name != "query" and (name, value) != SCRAPED
    }
