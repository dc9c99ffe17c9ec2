"""What happens in a drift check: what is asked for, when a baseline is taken, what is compared."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

import numpy as np

from exporter.adapters.baselinefile import load_baseline, save_baseline
from exporter.adapters.statefile import set_aside
from exporter.conditions import AtPresent, none_at_present
from exporter.config import QueryConfig, milliseconds
from exporter.core.pieces import Mapper, until
from exporter.core.ring import Ring
from exporter.core.series import NEVER
from exporter.core.source import Source
from exporter.drift.baselines import Baseline, Reason, cohort_of, retaken, with_born
from exporter.drift.check import Checked, check
from exporter.drift.hours import DAY
from exporter.errors import StateCorrupt, StateError
from exporter.loops.ringfeed import RingFeed
from exporter.planning import drift_fingerprint, drift_plan_of
from exporter.settings.drift import DriftConfig

log = logging.getLogger(__name__)

BIRTHS: Final = DAY
"""Milliseconds between looks at whether series that were born since have enough history."""

ENOUGH: Final = 0.5
"""Share of a window's columns that a series needs samples for to have a baseline; of the
reference's if it was born later."""


@dataclass(frozen=True, slots=True)
class DriftOutcome:
    """What one check did.

    Parameters
    ----------
    checked : what it found
    baseline : what it compared with; None while there is too little history
    unsaved : why the baseline could not be written
    is_behind : there is more history up to now; to be called again at once
    """

    checked: Checked | None = None
    baseline: Baseline | None = None
    unsaved: StateError | None = None
    is_behind: bool = False


class DriftRunner:
    """The drift of one query; `run` is called from one thread at a time.

    Parameters
    ----------
    query : resolved, see `Config.all_queries`
    drift : its drift
    source : where its samples come from
    path : where its baseline is kept, or None
    pieces : does the computing
    clock : seconds that never go back
    at_present : what holds for the query, besides how it is configured
    writes : whether a baseline that was taken is kept at `path`, and a damaged one moved away
    """

    def __init__(
        self,
        query: QueryConfig,
        drift: DriftConfig,
        source: Source,
        path: Path | None,
        pieces: Mapper,
        clock: Callable[[], float],
        at_present: AtPresent = none_at_present,
        *,
        writes: bool = True,
    ) -> None:
        self.query = query
        self.drift = drift
        self.plan = drift_plan_of(query, drift)
        self.fingerprint = drift_fingerprint(query)
        self.stopping = Event()
        self.retake = Event()
        self.baseline: Baseline | None = None
        self._path = path
        self._writes = writes
        self._at_present = at_present
        self._pieces = until(self.stopping.is_set, pieces)
        self._feed = RingFeed(query, Ring(self.plan.step, self.plan.window), source, clock)
        self._is_loaded = path is None
        self._is_saved = True
        self._is_waiting = False
        self._looked_for_births = NEVER

    @property
    def has_history(self) -> bool:
        """Whether the ring is long enough for a baseline, too."""
        return self._feed.ring.columns >= self.plan.reference

    def succeed(self, before: "DriftRunner") -> None:
        """Go on with what a stopped runner of the same query knows."""
        if before.retake.is_set():
            self.retake.set()
        if before._is_loaded and before.fingerprint == self.fingerprint:
            self.baseline = before.baseline
            self._is_loaded = True
            self._is_saved = before._is_saved
            self._looked_for_births = before._looked_for_births
        if before.has_history:
            self._lengthen()
        self._feed.succeed(before._feed)

    def run(self, now: float) -> DriftOutcome:
        """Ask for what is new up to `now` (unix seconds) and compare every series.

        If much is new, only for the first of it; the outcome says that it `is_behind`.

        Raises
        ------
        QueryError
            The query has no answer; the next call asks for the same columns again.
        StateError
            There is a baseline that cannot be read, and must not be lost.
        Stopped
            `stopping` was set.
        """
        self._load()
        if self.baseline is None and not self.has_history:
            self._lengthen()
        if not self._feed.advance(now):
            return DriftOutcome(is_behind=True)
        reason, is_due = self._due()
        if is_due and not self.has_history:
            self._lengthen()
            return DriftOutcome(is_behind=True)
        if is_due:
            self._renew(reason, milliseconds(now))
        checked = check(self.plan, self._feed.ring, self.baseline, self._pieces)
        return DriftOutcome(checked, self.baseline, self._save())

    def _due(self) -> tuple[Reason | None, bool]:
        """Return why a new version is due, and whether it or the look for births is."""
        plan, ring = self.plan, self._feed.ring
        if self.baseline is None:
            return "first run", True
        if self.retake.is_set():
            return "command", True
        newest = self.baseline.newest
        if plan.retake is not None and ring.until - newest.taken >= plan.retake:
            return "schedule", True
        # One on command is of a change that it has half behind it: once more when it has all.
        since = newest.first if newest.is_short else newest.taken
        is_part = newest.is_short or newest.reason == "command"
        if is_part and ring.until - since >= plan.reference * plan.step:
            return "more history", True
        if ring.until - self._looked_for_births < BIRTHS:
            return None, False
        known = self.baseline.known
        rows = np.array([row for row, key in enumerate(ring.keys) if key not in known], np.int64)
        oldest = ring.times()[-plan.window :][: max(1, plan.window // 10)]
        return None, bool(np.isfinite(ring.samples(rows, oldest)).any())

    def _renew(self, reason: Reason | None, now: int) -> None:
        """Take a new version, or take in series that were born, from a long ring."""
        plan, ring = self.plan, self._feed.ring
        self._looked_for_births = ring.until
        ring.masked = self._at_present().masked(self.query.name)
        if reason is None and self.baseline is not None:
            least = int(ENOUGH * plan.reference)
            born = cohort_of(ring, plan, least, self.baseline.known)
            self.baseline = with_born(self.baseline, born, set(ring.keys))
        else:
            self.retake.clear()
            cohort = cohort_of(ring, plan, int(ENOUGH * plan.window))
            if cohort is None:
                if not self._is_waiting:
                    about = {"query": plan.query, "reason": reason}
                    log.warning("too little history for a baseline", extra=about)
                self._is_waiting = True
                if self.baseline is None:
                    return  # the long ring goes on, so that nothing is asked for twice
            else:
                self._is_waiting = False
                self.baseline = retaken(self.baseline, cohort, plan, now, reason or "first run")
                self._tell()
        self._is_saved = False
        self._feed.ring = ring.newest(plan.window)

    def _tell(self) -> None:
        if self.baseline is None:
            return
        newest = self.baseline.newest
        about = {
            "query": self.plan.query,
            "version": newest.number,
            "reason": newest.reason,
            "series": len(newest.keys),
            "hours": round((newest.last - newest.first + self.plan.step) / 3_600_000, 1),
        }
        if newest.is_short:
            log.warning("took a baseline from less history than is configured", extra=about)
        else:
            log.info("took a baseline", extra=about)

    def _lengthen(self) -> None:
        """Have the history that a baseline is taken from asked for, too."""
        self._feed.ring = Ring(self.plan.step, self.plan.reference)

    def _load(self) -> None:
        if self._is_loaded or self._path is None:
            return
        about = {"query": self.plan.query}
        if self._path.exists():
            try:
                fingerprint, baseline = load_baseline(self._path)
            except StateCorrupt as error:
                if not self._writes:
                    raise
                moved = set_aside(self._path, error)
                log.error("the baseline is damaged, taking a new one", extra={**about, **moved})
            else:
                if fingerprint == self.fingerprint:
                    self.baseline = baseline
                else:
                    log.info("query changed since its baseline, taking a new one", extra=about)
        self._is_loaded = True

    def _save(self) -> StateError | None:
        """Write a baseline that has changed; what goes wrong is tried again with the next check."""
        if self._is_saved or self.baseline is None or self._path is None or not self._writes:
            return None
        try:
            save_baseline(self._path, self.fingerprint, self.baseline)
        except StateError as error:
            return error
        self._is_saved = True
        return None
