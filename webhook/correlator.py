"""Which incidents have one cause? Asked when something opens, and again as series tell more.

Grouping by labels takes a look into the store. What series tell takes Prometheus and arithmetic,
in a thread, for the newest incidents alone; nobody waits for it.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row

from promkit.clock import Clock
from webhook.adapters import groups
from webhook.adapters.alerts_history import AlertsHistory
from webhook.adapters.database import try_lock
from webhook.adapters.movements import STEP, Movements, MovementSource
from webhook.adapters.store import Store
from webhook.core.correlation import Member, Rules, merges
from webhook.core.lagged import correlate
from webhook.errors import LookupFailed, StoreError

log = logging.getLogger(__name__)

# Of these newest incidents the series are compared: fifty take some tenths of a second.
_COMPARED = 50
# Ten minutes, within which a cause shows its effects.
_LONGEST_LAG = 40


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where to ask how series moved."""

    movements: MovementSource
    history: AlertsHistory


class Correlator:
    """Keeps the groups of incidents up to date.

    Parameters
    ----------
    store : where incidents and groups are
    clock : time
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._problem = ""

    async def run(self, rules: Rules | None, evidence: Evidence | None) -> None:
        """Group what opened, close what ended, and ask the series; failures are logged."""
        now = self._clock.now()

        def by_labels(connection: Connection) -> None:
            if try_lock(connection, "correlate"):
                if rules is not None:
                    groups.assign(connection, rules, now)
                groups.close_finished(connection, now)

        try:
            await self._store.write(by_labels)
            if rules is not None and evidence is not None:
                await self._by_series(rules, evidence, now)
        except (StoreError, LookupFailed) as error:
            if str(error) != self._problem:
                # Once: it is asked every few seconds.
                log.warning("cannot compare series", extra={"problem": str(error)})
            self._problem = str(error)
        else:
            self._problem = ""

    async def _by_series(self, rules: Rules, evidence: Evidence, now: float) -> None:
        rows = await self._store.read(
            lambda connection: groups.recent(connection, rules, now, _COMPARED)
        )
        rows = [row for row in rows if row.query]
        if len(rows) < 2:
            return
        found = await asyncio.to_thread(_compare, rows, rules, evidence, now)
        if found.together:

            def write(connection: Connection) -> int:
                if not try_lock(connection, "correlate"):
                    return 0
                return groups.merge(connection, rules, found.together, found.strength, found.leads)

            if changed := await self._store.write(write):
                log.info("incidents of one cause", extra={"groups": changed})


@dataclass(frozen=True, slots=True)
class _Found:
    together: Sequence[Sequence[Member]]
    strength: Mapping[frozenset[int], float]
    leads: Mapping[int, float]


def _compare(rows: Sequence[Row[Any]], rules: Rules, evidence: Evidence, now: float) -> _Found:
    external = evidence.history.relabeling().external
    movements = evidence.movements.of([row.labels for row in rows], external, now)
    return compare([groups.member_of(row) for row in rows], movements, rules)


def compare(members: Sequence[Member], movements: Movements, rules: Rules) -> _Found:
    """Return what belongs together by how its series moved."""
    members = [
        Member(
            one.incident,
            one.labels,
            one.opened_at,
            one.starts_at,
            None if np.isnan(onset) else float(onset),
        )
        for one, onset in zip(members, movements.onsets, strict=True)
    ]
    strength, lead = correlate(movements.values, _LONGEST_LAG)
    pairs = {
        (i, j): float(strength[i, j])
        for i in range(len(members))
        for j in range(i + 1, len(members))
        if np.isfinite(strength[i, j])
    }
    joined = merges(members, pairs, rules)
    together = _connected(joined)
    of = {one.incident: i for i, one in enumerate(members)}
    leads: dict[int, float] = {}
    for cluster in together:
        places = [of[one.incident] for one in cluster]
        for one in cluster:
            others = [lead[of[one.incident], j] for j in places if j != of[one.incident]]
            leads[one.incident] = float(np.mean(others)) * STEP
    return _Found(
        together,
        {
            frozenset((a.incident, b.incident)): pairs[
                min(of[a.incident], of[b.incident]), max(of[a.incident], of[b.incident])
            ]
            for a, b in joined
        },
        leads,
    )


def _connected(pairs: Sequence[tuple[Member, Member]]) -> list[list[Member]]:
    """Return the members that pairs connect, directly or through others."""
    known = {one.incident: one for pair in pairs for one in pair}
    root = {incident: incident for incident in known}

    def find(incident: int) -> int:
        while root[incident] != incident:
            incident = root[incident]
        return incident

    for a, b in pairs:
        low, high = sorted((find(a.incident), find(b.incident)))
        root[high] = low
    clusters: dict[int, list[Member]] = defaultdict(list)
    for incident, member in known.items():
        clusters[find(incident)].append(member)
    return list(clusters.values())
