"""Where do baselines stay? Each query's in a file of its own, below a folder beside the state."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from exporter.adapters import statefile
from exporter.adapters.statefile import SavedState
from exporter.core.series import Keys
from exporter.drift.baselines import REASONS, Baseline, Cohort, Version
from exporter.errors import StateCorrupt, StateError

_SUMMARY: Final = ("samples", "mean", "deviation", "percentiles")
_FACTS: Final = ("number", "taken", "reason", "first", "last", "is_short")


def baseline_path(state: Path | None, query: str) -> Path | None:
    """Return the file of a query's baselines, None where nothing is kept.

    state : the state file
    """
    return None if state is None else state.with_name(f"{state.name}.baselines") / f"{query}.npz"


def save_baseline(path: Path, fingerprint: str, baseline: Baseline) -> None:
    """Write a baseline.

    Raises
    ------
    StateError
        The file cannot be written; the old one is intact.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    keys: dict[str, Keys] = {}
    versions = []
    for version in baseline.versions:
        versions.append({name: getattr(version, name) for name in _FACTS})
        where = f"version/{version.number}"
        keys[where] = version.keys
        arrays.update({f"{where}/{name}": version.summary[name] for name in _SUMMARY})
    for number, cohort in enumerate(baseline.cohorts):
        where = f"cohort/{number}"
        keys[where] = cohort.keys
        arrays[f"{where}/times"] = cohort.times
        arrays[f"{where}/centers"] = cohort.centers
        arrays[f"{where}/rest"] = cohort.rest
    manifest = {
        "fingerprint": fingerprint,
        "versions": versions,
        "cohorts": len(baseline.cohorts),
    }
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise StateError(f"cannot make the folder {path.parent}: {error.strerror}") from error
    statefile.save(path, manifest, arrays, keys)


def load_baseline(path: Path) -> tuple[str, Baseline]:
    """Return the fingerprint and the baseline of a file.

    Raises
    ------
    StateCorrupt
        It is damaged, or no baseline.
    StateTooNew
        A newer version wrote it.
    StateError
        It cannot be read.
    """
    saved = statefile.load(path)
    try:
        versions = tuple(_version(saved, facts) for facts in saved.manifest["versions"])
        cohorts = tuple(_cohort(saved, number) for number in range(saved.manifest["cohorts"]))
        fingerprint = str(saved.manifest["fingerprint"])
    except (KeyError, TypeError, ValueError) as error:
        raise StateCorrupt(f"the baseline {path} is not one of ours: {error!r}") from error
    if not versions:
        raise StateCorrupt(f"the baseline {path} is not one of ours: it holds no version")
    return fingerprint, Baseline(versions, cohorts)


def _version(saved: SavedState, facts: dict[str, Any]) -> Version:
    where = f"version/{facts['number']}"
    keys = saved.keys[where]
    summary = {name: saved.arrays[f"{where}/{name}"] for name in _SUMMARY}
    if {len(array) for array in summary.values()} != {len(keys)} or facts["reason"] not in REASONS:
        raise ValueError(where)
    return Version(**{name: facts[name] for name in _FACTS}, keys=keys, summary=summary)


def _cohort(saved: SavedState, number: int) -> Cohort:
    where = f"cohort/{number}"
    keys = saved.keys[where]
    times, centers, rest = (
        saved.arrays[f"{where}/{name}"] for name in ("times", "centers", "rest")
    )
    if centers.shape != (len(keys),) or rest.shape != (len(keys), len(times)):
        raise ValueError(where)
    return Cohort(
        keys,
        times.astype(np.int64, copy=False),
        centers.astype(np.float64, copy=False),
        rest.astype(np.float32, copy=False),
    )
