"""How do queries' states get into the state file, and which of them still fit at a start?"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exporter.adapters import statefile
from exporter.config import QueryConfig
from exporter.core.rows import State
from exporter.core.series import Keys
from exporter.errors import StateCorrupt, StateError, StateTooNew
from exporter.pipeline import QueryState, cold_state
from exporter.plan import Plan
from exporter.planning import fingerprint, plan_of

log = logging.getLogger(__name__)

Arrays = dict[str, npt.NDArray[Any]]


States = dict[str, tuple[str, QueryState]]
"""Query name -> (fingerprint, state)."""


def store(path: Path, states: States) -> int:
    """Write the states and return the file's size in bytes.

    Raises
    ------
    StateError
        The file cannot be written; the old one is intact.
    """
    manifest: dict[str, Any] = {"queries": []}
    arrays: Arrays = {}
    keys: dict[str, Keys] = {}
    for position, (name, (mark, state)) in enumerate(states.items()):
        manifest["queries"].append({"name": name, "fingerprint": mark, "until": state.until})
        keys[str(position)] = state.keys
        for group, named in _groups(state):
            arrays.update({f"{position}/{group}/{key}": array for key, array in named.items()})
    return statefile.save(path, manifest, arrays, keys)


def restore(path: Path | None, queries: Mapping[str, QueryConfig]) -> States:
    """Return the states that fit the queries as configured now; the others start cold.

    A damaged file is moved aside, so that it can be looked at and does not come back.

    Raises
    ------
    StateTooNew
        A newer version wrote the file.
    """
    if path is None or not path.exists():
        return {}
    try:
        manifest, arrays, keys = statefile.load(path)
    except StateCorrupt as error:
        aside = path.with_name(path.name + ".corrupt")
        about: dict[str, object] = {"error": error, "moved_to": aside}
        try:
            path.replace(aside)
        except OSError as refusal:  # a read-only folder
            about = {"error": error, "not_moved": refusal}
        log.error("state is damaged, starting cold", extra=about)
        return {}
    except StateTooNew:
        raise
    except StateError as error:
        log.error("state cannot be read, starting cold", extra={"error": error})
        return {}
    found: States = {}
    for position, entry in enumerate(manifest["queries"]):
        query = queries.get(entry["name"])
        if query is None:
            continue
        named = {"query": query.name}
        if entry["fingerprint"] != fingerprint(query):
            log.info("query changed since the state was written, starting it cold", extra=named)
            continue
        state = _fill(plan_of(query), position, keys[str(position)], int(entry["until"]), arrays)
        if state is None:
            log.warning("state does not fit this version, starting the query cold", extra=named)
        else:
            found[query.name] = (entry["fingerprint"], state)
    return found


def _groups(state: QueryState) -> list[tuple[str, State]]:
    return [("latest", state.latest), *((f"detector:{k}", v) for k, v in state.detectors.items())]


def _fill(
    plan: Plan, position: int, keys: Keys, until: int, arrays: Mapping[str, npt.NDArray[Any]]
) -> QueryState | None:
    filled: dict[str, State] = {}
    for group, blank in _groups(cold_state(plan)):
        filled[group] = {}
        for key, form in blank.items():
            array = arrays.get(f"{position}/{group}/{key}")
            if array is None or array.dtype != form.dtype:
                return None
            if array.shape != (len(keys), *form.shape[1:]):
                return None
            filled[group][key] = np.asarray(array)
    latest = filled.pop("latest")
    detectors = {group.removeprefix("detector:"): state for group, state in filled.items()}
    return QueryState(keys=keys, until=until, latest=latest, detectors=detectors)
