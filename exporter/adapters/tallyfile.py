"""Where does a model's history stay? Each in a file of its own, in a folder beside the state."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from exporter.adapters import statefile
from exporter.adapters.statefile import SavedState
from exporter.errors import StateCorrupt, StateError
from exporter.modelwatch.day import Day
from exporter.modelwatch.history import History, Tally

_FACTS: Final = ("version", "fingerprint", "since", "until")
_PER_SCORE: Final = ("scores", "positives", "negatives")


def tally_path(state: Path | None, model: str) -> Path | None:
    """Return the file of a model's history, None where nothing is kept.

    state : the state file
    """
    return None if state is None else state.with_name(f"{state.name}.quality") / f"{model}.npz"


def save_history(path: Path, history: History) -> None:
    """Write a history.

    Raises
    ------
    StateError
        The file cannot be written; the old one is intact.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for number, tally in enumerate(history.versions):
        days = list(tally.known.values())
        lengths = [len(day.scores) for day in days]
        where = f"version/{number}"
        arrays[f"{where}/numbers"] = np.array(list(tally.known), dtype=np.int64)
        arrays[f"{where}/predictions"] = np.array([d.predictions for d in days], dtype=np.int64)
        arrays[f"{where}/confusion"] = _joined([d.confusion for d in days], np.int64).reshape(-1, 4)
        arrays[f"{where}/rounded"] = np.array([day.is_rounded for day in days], dtype=np.int8)
        arrays[f"{where}/lengths"] = np.array(lengths, dtype=np.int64)
        arrays[f"{where}/scores"] = _joined([day.scores for day in days], np.float64)
        arrays[f"{where}/positives"] = _joined([day.positives for day in days], np.int64)
        arrays[f"{where}/negatives"] = _joined([day.negatives for day in days], np.int64)
    manifest = {
        "kind": "model history",
        "versions": [{name: getattr(one, name) for name in _FACTS} for one in history.versions],
    }
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise StateError(f"cannot make the folder {path.parent}: {error.strerror}") from error
    statefile.save(path, manifest, arrays, {})


def load_history(path: Path) -> History:
    """Return the history of a file.

    Raises
    ------
    StateCorrupt
        It is damaged, or no history.
    StateTooNew
        A newer version wrote it.
    StateError
        It cannot be read.
    """
    saved = statefile.load(path)
    try:
        versions = tuple(
            Tally(
                str(facts["version"]),
                str(facts["fingerprint"]),
                int(facts["since"]),
                int(facts["until"]),
                _days(saved, number),
            )
            for number, facts in enumerate(saved.manifest["versions"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StateCorrupt(f"the history {path} is not one of ours: {error!r}") from error
    if not versions:
        raise StateCorrupt(f"the history {path} is not one of ours: it holds no version")
    return History(versions)


def _joined(parts: list[npt.NDArray[Any]], kind: type[np.generic]) -> npt.NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=kind), *parts])


def _days(saved: SavedState, version: int) -> dict[int, Day]:
    where = f"version/{version}"
    one = {
        name: saved.arrays[f"{where}/{name}"]
        for name in ("numbers", "predictions", "confusion", "rounded", "lengths", *_PER_SCORE)
    }
    count = len(one["numbers"])
    ends = np.cumsum(one["lengths"]).tolist()
    is_whole = (
        one["confusion"].shape == (count, 4)
        and {len(one[name]) for name in ("predictions", "rounded", "lengths")} == {count}
        and {len(one[name]) for name in _PER_SCORE} == {ends[-1] if ends else 0}
    )
    if not is_whole:
        raise ValueError(where)
    days = {}
    for row, number in enumerate(one["numbers"].tolist()):
        part = slice(ends[row - 1] if row else 0, ends[row])
        scores, positives, negatives = (one[name][part] for name in _PER_SCORE)
        days[number] = Day(
            int(one["predictions"][row]),
            one["confusion"][row].astype(np.int64, copy=False),
            scores.astype(np.float64, copy=False),
            positives.astype(np.int64, copy=False),
            negatives.astype(np.int64, copy=False),
            bool(one["rounded"][row]),
        )
    return days
