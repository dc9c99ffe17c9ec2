"""How do queries' states get into the state file, and which of them still fit at a start?"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exporter.adapters import statefile
from exporter.config import QueryConfig
from exporter.core.quality import Quality
from exporter.core.rows import State
from exporter.core.series import Keys
from exporter.errors import StateCorrupt, StateError, StateTooNew
from exporter.forecasters.outlookstate import OutlookState, unseen
from exporter.pipeline import NOTHING_ASIDE, Aside, QueryState, cold_state
from exporter.plan import Plan
from exporter.planning import (
    fingerprint,
    forecast_fingerprint,
    forecast_plan_of,
    plan_of,
)

log = logging.getLogger(__name__)

Arrays = dict[str, npt.NDArray[Any]]

States = dict[str, tuple[str, QueryState]]
"""Query name -> (fingerprint, state)."""

Outlooks = dict[str, tuple[str, OutlookState]]
"""Query name -> (fingerprint, state of its forecasts)."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a state file is to hold, or held that still fits; `is_damaged` if it held nothing so."""

    queries: States = field(default_factory=dict)
    forecasts: Outlooks = field(default_factory=dict)
    is_damaged: bool = False


def store(path: Path, saved: Saved) -> int:
    """Write the states and return the file's size in bytes.

    Raises
    ------
    StateError
        The file cannot be written; the old one is intact.
    """
    manifest: dict[str, Any] = {"queries": [], "forecasts": []}
    arrays: Arrays = {}
    keys: dict[str, Keys] = {}
    for position, (name, (mark, state)) in enumerate(saved.queries.items()):
        manifest["queries"].append({"name": name, "fingerprint": mark, **facts_of(state)})
        keys[str(position)] = state.keys
        arrays.update(arrays_of(state, str(position)))
    for position, (name, (mark, outlook)) in enumerate(saved.forecasts.items()):
        manifest["forecasts"].append({"name": name, "fingerprint": mark, "until": outlook.until})
        where = f"forecast/{position}"
        keys[where] = outlook.keys
        for group, named in outlook.groups.items():
            arrays.update({f"{where}/{group}/{key}": array for key, array in named.items()})
    return statefile.save(path, manifest, arrays, keys)


def restore(path: Path | None, queries: Mapping[str, QueryConfig]) -> Saved:
    """Return the states that fit the queries as configured now; the others start cold.

    A damaged file is moved aside, so that it can be looked at and does not come back.

    Raises
    ------
    StateTooNew
        A newer version wrote the file.
    """
    if path is None or not path.exists():
        return Saved()
    try:
        saved = statefile.load(path)
    except StateCorrupt as error:
        about = statefile.set_aside(path, error)
        log.error("state is damaged, starting cold", extra=about)
        return Saved(is_damaged=True)
    except StateTooNew:
        raise
    except StateError as error:
        log.error("state cannot be read, starting cold", extra={"error": error})
        return Saved()
    return Saved(_queries_in(saved, queries), _forecasts_in(saved, queries))


def _queries_in(saved: statefile.SavedState, queries: Mapping[str, QueryConfig]) -> States:
    found: States = {}
    for position, entry in enumerate(saved.manifest["queries"]):
        query = queries.get(entry["name"])
        if query is None:
            continue
        named = {"query": query.name}
        if entry["fingerprint"] != fingerprint(query):
            log.info("query changed since the state was written, starting it cold", extra=named)
            continue
        state = state_in(saved, str(position), entry, plan_of(query))
        if state is None:
            log.warning("state does not fit this version, starting the query cold", extra=named)
        else:
            found[query.name] = (entry["fingerprint"], state)
    return found


def _forecasts_in(saved: statefile.SavedState, queries: Mapping[str, QueryConfig]) -> Outlooks:
    found: Outlooks = {}
    # There are none in files of versions that did not forecast.
    for position, entry in enumerate(saved.manifest.get("forecasts", ())):
        query = queries.get(entry["name"])
        forecast = None if query is None else query.forecast
        if query is None or forecast is None or entry["fingerprint"] != forecast_fingerprint(query):
            continue
        where = f"forecast/{position}"
        keys = saved.keys[where]
        blank = unseen(0, len(forecast_plan_of(query, forecast).leads))
        groups = {
            group: _filled(form, f"{where}/{group}", len(keys), saved.arrays)
            for group, form in blank.items()
        }
        filled = {group: state for group, state in groups.items() if state is not None}
        if filled.keys() == blank.keys():
            outlook = OutlookState(keys, int(entry["until"]), filled)
            found[query.name] = (entry["fingerprint"], outlook)
    return found


def facts_of(state: QueryState) -> dict[str, Any]:
    """Return what JSON has to say of a state."""
    facts = {"until": state.until, "quality": state.quality.numbers(), "model": state.model}
    if state.aside.keys:
        facts["aside"] = [key.decode(errors="surrogateescape") for key in state.aside.keys]
    return facts


def arrays_of(state: QueryState, where: str) -> Arrays:
    """Return the arrays of a state, whose names begin with `where`."""
    return {
        f"{where}/{group}/{key}": array
        for group, named in _groups(state)
        for key, array in named.items()
    } | {
        f"{where}/aside/{kind}/{key}": array
        for kind, named in state.aside.detectors.items()
        for key, array in named.items()
    }


def state_in(
    saved: statefile.SavedState, where: str, facts: Mapping[str, Any], plan: Plan
) -> QueryState | None:
    """Return the state whose arrays have names that begin with `where`; None if they do not fit.

    facts : from `facts_of`
    """
    filled: dict[str, State] = {}
    keys = saved.keys[where]
    for group, blank in _groups(cold_state(plan)):
        state = _filled(blank, f"{where}/{group}", len(keys), saved.arrays)
        if state is None:
            return None
        filled[group] = state
    return QueryState(
        keys=keys,
        until=int(facts["until"]),
        latest=filled.pop("latest"),
        detectors={group.removeprefix("detector:"): state for group, state in filled.items()},
        quality=Quality.of(facts["quality"]),
        model=int(facts.get("model", 0)),  # files of versions without a life cycle
        aside=_aside_in(saved, where, facts, plan),
    )


def _aside_in(
    saved: statefile.SavedState, where: str, facts: Mapping[str, Any], plan: Plan
) -> Aside:
    """Return what is aside of a state; nothing if it does not fit: the mask then begins anew."""
    keys = tuple(str(key).encode(errors="surrogateescape") for key in facts.get("aside", ()))
    detectors: dict[str, State] = {}
    for detector in plan.detectors if keys else ():
        place = f"{where}/aside/{detector.name}"
        state = _filled(detector.fresh(0), place, len(keys), saved.arrays)
        if state is None:
            return NOTHING_ASIDE
        detectors[detector.name] = state
    return Aside(keys, detectors)


def _groups(state: QueryState) -> list[tuple[str, State]]:
    return [("latest", state.latest), *((f"detector:{k}", v) for k, v in state.detectors.items())]


def _filled(
    blank: State, where: str, series: int, arrays: Mapping[str, npt.NDArray[Any]]
) -> State | None:
    """Return the arrays below a name in the form of a state of nothing, None if they do not fit."""
    filled: State = {}
    for key, form in blank.items():
        array = arrays.get(f"{where}/{key}")
        if array is None or array.dtype != form.dtype:
            return None
        if array.shape != (series, *form.shape[1:]):
            return None
        filled[key] = np.asarray(array)
    return filled
