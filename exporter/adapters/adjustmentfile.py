"""Where do adjustments stay over a restart, and in which form do people pass them on?

As JSON: a list of `{"query", "labels", "ratio"}`, or an object with it as `adjustments`, as the
webhook's API gives it, and with a list of `{"query", "detector", "ratio"}` as `weights`. Other keys
are of no interest.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from exporter.core.adjustments import Adjustment, adjustment_of
from exporter.core.weights import Weight, weight_of
from exporter.errors import StateError
from promkit.atomicfile import write_atomically

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """What verdicts amounted to when they were last asked for.

    Parameters
    ----------
    adjustments : of thresholds
    weights : of detectors; none in files from before there were any
    read : unix seconds of the answer, 0 where the file does not say
    """

    adjustments: tuple[Adjustment, ...] = ()
    weights: tuple[Weight, ...] = ()
    read: float = 0.0

    def says_as(self, other: "Kept") -> bool:
        """Tell whether both move the same."""
        return (self.adjustments, self.weights) == (other.adjustments, other.weights)


def adjustments_path(state: Path | None) -> Path | None:
    """Return the file beside a state file, None where nothing is kept."""
    return None if state is None else state.with_name(f"{state.name}.adjustments.json")


def save_adjustments(path: Path, kept: Kept) -> None:
    """Write what there is to keep.

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
        for entry in kept.adjustments
    ]
    weights = [
        {"query": one.query, "detector": one.detector, "ratio": one.ratio} for one in kept.weights
    ]
    whole = {"version": _VERSION, "read": kept.read, "adjustments": told, "weights": weights}
    text = json.dumps(whole, indent=1)
    try:
        write_atomically(path, f"{text}\n".encode())
    except OSError as error:
        why = f"cannot write the adjustments {path}: {error.strerror}; the last ones stay"
        raise StateError(why) from error


def load_adjustments(path: Path) -> Kept:
    """Return what a file says.

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
    whole = told if isinstance(told, dict) else {"adjustments": told}
    listed, weights = whole.get("adjustments"), whole.get("weights", [])
    if not isinstance(listed, list):
        raise StateError(f"{path}: found no list of adjustments; {_FORM}")
    if not isinstance(weights, list):
        raise StateError(f"{path}: found no list as weights; {_WEIGHTS_FORM}")
    read = whole.get("read", 0.0)
    return Kept(
        tuple(_entry(path, place, one) for place, one in enumerate(listed)),
        tuple(_weight(path, place, one) for place, one in enumerate(weights)),
        float(read) if isinstance(read, int | float) else 0.0,
    )


_FORM = 'write [{"query": "name", "labels": {}, "ratio": 1.1}, …]'
_WEIGHTS_FORM = 'write {"weights": [{"query": "name", "detector": "mad", "ratio": 0.9}, …], …}'


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


def _weight(path: Path, place: int, told: Any) -> Weight:
    one = told if isinstance(told, dict) else {}
    query, detector, ratio = one.get("query"), one.get("detector"), one.get("ratio")
    is_named = isinstance(query, str) and isinstance(detector, str)
    if not (is_named and isinstance(ratio, int | float) and math.isfinite(ratio)):
        found = json.dumps(told)[:200]
        raise StateError(f"{path}: found {found} at place {place} of weights; {_WEIGHTS_FORM}")
    return weight_of(str(query), str(detector), float(ratio))
