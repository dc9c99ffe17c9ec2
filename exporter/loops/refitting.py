"""The models of all queries: their threads, their loops, and what a start goes on with."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from exporter.adapters.checkpoint import Saved, States
from exporter.adapters.pagerows import QueryRow
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.adapters.versionfiles import VersionFolder, version_folder
from exporter.config import QueryConfig
from exporter.core.source import Source
from exporter.errors import StateError
from exporter.lifecycle.due import DriftStreak
from exporter.loops.crew import Crew
from exporter.loops.refitloop import RefitLoop
from exporter.loops.refitrunner import RefitRunner
from exporter.loops.runner import QueryRunner
from exporter.planning import fingerprint, plan_of
from promkit.clock import Clock

log = logging.getLogger(__name__)

ASKERS = 2
"""Threads: one fits challengers, of one query at a time, while the other does what is short."""


class Refitting:
    """All loops that look after models.

    Parameters
    ----------
    clock : paces them
    metrics : where they are counted
    retake : has a query's baseline of drift taken anew
    """

    def __init__(self, clock: Clock, metrics: SelfMetrics, retake: Callable[[str], None]) -> None:
        self._clock = clock
        self._metrics = metrics.refits
        self._retake = retake
        self._crew = Crew("refit", ASKERS)
        self._turn = asyncio.Semaphore(1)
        self._loops: dict[str, RefitLoop] = {}
        self._streaks: dict[str, DriftStreak] = {}

    def recover(
        self, state: Path | None, queries: Mapping[str, QueryConfig], saved: Saved
    ) -> Saved:
        """Return what was saved, with the versions in force of queries for which it is none.

        state : the state file, which may be damaged
        """
        found: States = dict(saved.queries)
        for name, query in queries.items():
            folder = version_folder(state, name)
            if folder is None or query.models is None:
                continue
            try:
                self._recover(query, folder, found, is_damaged=saved.is_damaged)
            except StateError as error:
                log.error(
                    "a model's versions cannot be read", extra={"query": name, "error": error}
                )
        return replace(saved, queries=found)

    def _recover(
        self, query: QueryConfig, folder: VersionFolder, found: States, *, is_damaged: bool
    ) -> None:
        life, mark = folder.life(), fingerprint(query)
        known = found.get(query.name)
        if known is not None and known[1].model == life.champion:
            return
        usable = [
            number
            for number in life.kept(query.models.keep if query.models else 1)
            if (manifest := life.manifest(number)) is not None and manifest.fingerprint == mark
        ]
        version, damaged = folder.first_good(folder.files_of(usable), plan_of(query))
        if version is None:
            return
        number = version.manifest.number
        about = {"query": query.name, "version": number}
        if number != life.champion:
            folder.keep_life(replace(life, champion=number))
        if is_damaged or damaged:
            self._metrics.begin(query.name)
            self._metrics.model_rollbacks_total.labels(query.name, "damaged").inc()
            log.error("going on with a version of the model, since a file is damaged", extra=about)
        else:
            log.info("going on with the version of the model that is in force", extra=about)
        found[query.name] = (mark, version.state)

    def take(
        self,
        queries: Mapping[str, QueryConfig],
        runners: Mapping[str, QueryRunner],
        source: Source,
        state: Path | None,
    ) -> None:
        """Take resolved queries in the place of the old ones, whose loops have been stopped.

        runners : query name -> who evaluates it
        state : the state file, beside which versions are kept
        """
        loops: dict[str, RefitLoop] = {}
        for name, runner in runners.items():
            query, folder = queries[name], version_folder(state, name)
            if query.models is None or folder is None:
                continue
            looked_after = RefitRunner(
                query, query.models, runner, folder, source, self._clock.monotonic
            )
            loops[name] = RefitLoop(
                looked_after,
                streak=self._streaks.setdefault(name, DriftStreak()),
                turn=self._turn,
                clock=self._clock,
                pool=self._crew.askers,
                metrics=self._metrics,
                retake=self._retake,
            )
            if before := self._loops.get(name):
                loops[name].succeed(before)
        for name in self._loops.keys() - loops.keys():
            self._metrics.forget(name)
            self._streaks.pop(name, None)
        self._loops = loops

    def start(self, ready: Callable[[str], Awaitable[object]]) -> None:
        """Begin to look after each query once what `ready` waits for, given its name, is so."""
        for name, loop in self._loops.items():
            loop.start(partial(ready, name))

    async def stop(self) -> None:
        """Return once no model is looked at any more; refits end early."""
        await asyncio.gather(*(loop.stop() for loop in self._loops.values()))

    def note_drift(self, query: str, counts: Mapping[str, int]) -> None:
        """Note the series by severity that a drift check has found."""
        streak = self._streaks.get(query)
        if streak is None:
            return
        streak.note(counts)
        if streak.has_drifted and query in self._loops:
            self._loops[query].hurry()

    def row(self, row: QueryRow) -> QueryRow:
        """Return what the page for people says of a query, with what there is to say of models."""
        loop = self._loops.get(row.query)
        if loop is None:
            return row
        problems = row.problems if loop.problem is None else (*row.problems, loop.problem)
        return replace(row, version=loop.version, problems=problems)

    def refit(self, query: str) -> None:
        """Have a challenger of a query fitted.

        Raises
        ------
        LookupError
            There is no such query whose model is looked after; says which there are.
        """
        self._loop(query).refit()

    def roll_back(self, query: str, to: int | None) -> int:
        """Have another version of a query's model put in force; return which one it is to be.

        Raises
        ------
        LookupError
            There is no such query whose model is looked after; says which there are.
        ValueError
            There is no such version; says which there are.
        """
        return self._loop(query).roll_back(to)

    def _loop(self, query: str) -> RefitLoop:
        loop = self._loops.get(query)
        if loop is None:
            names = ", ".join(self._loops) or "none, since no query is scored with a `state.path`"
            raise LookupError(f"found query {query!r}; allowed: {names}")
        return loop

    def dismiss(self) -> None:
        """End the threads."""
        self._crew.dismiss()
