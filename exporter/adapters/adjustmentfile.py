"""Where do adjustments stay over a restart, and in which form do people pass them on?

As JSON: a list of `{"query", "labels", "ratio"}`, or an object with it as `adjustments`, as the
webhook's API gives it. Other keys are of no interest.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from exporter.core.adjustments import Adjustment, adjustment_of
from exporter.errors import StateError
from promkit.atomicfile import write_atomically

_VERSION: Final = 1


def adjustments_path(state: Path | None) -> Path | None:
    """Return the file beside a state file, None where nothing is kept."""
    return None if state is None else state.with_name(f"{state.name}.adjustments.json")


def save_adjustments(path: Path, entries: Iterable[Adjustment], read: float) -> None:
    """Write adjustments, and when (unix seconds) they were read.

    Raises
    ------
    StateError
        The file cannot be written; the old one is intact.
    """
    told = [
        {
            "query": entry.query,
            "labels": dict(entry.labels),
            "ratio": entry.ratio,
            "foreign": sorted(entry.foreign),
        }
        for entry in entries
    ]
    text = json.dumps({"version": _VERSION, "read": read, "adjustments": told}, indent=1)
    try:
        write_atomically(path, f"{text}\n".encode())
    except OSError as error:
        why = f"cannot write the adjustments {path}: {error.strerror}; the last ones stay"
        raise StateError(why) from error


def load_adjustments(path: Path) -> tuple[tuple[Adjustment, ...], float]:
    """Return the adjustments of a file, and when they were read, 0 where it does not say.

    Raises
    ------
    StateError
        It cannot be read, or holds something else.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StateError(f"cannot read the adjustments {path}: {error.strerror}") from error
    except ValueError as error:
        raise StateError(f"the adjustments {path} are no JSON: {error}") from error
    listed = told.get("adjustments") if isinstance(told, dict) else told
    read = told.get("read", 0.0) if isinstance(told, dict) else 0.0
    if not isinstance(listed, list):
        raise StateError(f"{path}: found no list of adjustments; {_FORM}")
    entries = tuple(_entry(path, place, one) for place, one in enumerate(listed))
    return entries, float(read) if isinstance(read, int | float) else 0.0


_FORM = 'write [{"query": "name", "labels": {}, "ratio": 1.1}, …]'


def _entry(path: Path, place: int, told: Any) -> Adjustment:
    one = told if isinstance(told, dict) else {}
    query, labels, ratio = one.get("query"), one.get("labels") or {}, one.get("ratio")
    is_whole = (
        isinstance(query, str)
        and isinstance(labels, dict)
        and all(isinstance(value, str) for value in labels.values())
        and isinstance(ratio, int | float)
        and math.isfinite(ratio)
    )
    if not is_whole:
        raise StateError(f"{path}: found {json.dumps(told)[:200]} at place {place}; {_FORM}")
    own = {name: value for name, value in labels.items() if name not in ("query", "__name__")}
    entry = adjustment_of(str(query), own, float(ratio or 0.0))
    if isinstance(foreign := one.get("foreign"), list):
        return Adjustment(entry.query, entry.labels, entry.ratio, frozenset(map(str, foreign)))
    return entry
