"""Which version of a query's model is in force, and what is kept of it and the others?"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from exporter import __version__
from exporter.adapters.versionfiles import VersionFolder
from exporter.config import QueryConfig, milliseconds
from exporter.errors import StateCorrupt, StateError
from exporter.lifecycle.versions import Life, Manifest
from exporter.loops.runner import QueryRunner
from exporter.pipeline import QueryState
from exporter.planning import parameters_of
from exporter.settings.models import ModelsConfig

log = logging.getLogger(__name__)


class VersionKeeper:
    """The versions of one query, in its folder and in force.

    Parameters
    ----------
    query : resolved, see `Config.all_queries`
    models : its life cycle
    runner : evaluates the query, and holds the champion
    folder : where versions are kept

    Attributes
    ----------
    life : what is known of the model
    """

    def __init__(
        self,
        query: QueryConfig,
        models: ModelsConfig,
        runner: QueryRunner,
        folder: VersionFolder,
    ) -> None:
        self.life = Life()
        self._query = query
        self._keep_most = models.keep
        self._runner = runner
        self._folder = folder
        self._is_loaded = False
        self._tail = milliseconds(models.tail)
        self._reach = max(milliseconds(models.history), milliseconds(query.lookback))

    def load(self) -> None:
        """Read what is known, the first time.

        Raises
        ------
        StateError
            It cannot be read.
        """
        if not self._is_loaded:
            self.life = self._folder.life()
            self._is_loaded = True

    @property
    def champion(self) -> Manifest:
        """The version in force, as its file says."""
        manifest = self.life.manifest(self.life.champion)
        if manifest is None:
            number, name = self.life.champion, self._query.name
            raise StateCorrupt(f"nothing is known of version {number} of {name}")
        return manifest

    @property
    def before(self) -> Path:
        """Where it is what the champion knew before the tail."""
        return self._folder.file(self.life.champion, before=True)

    @property
    def until_turn(self) -> float:
        """Seconds until what the champion knows is to be noted anew."""
        return (self.champion.until + self._tail - self._runner.state.until) / 1000

    def facts(self) -> dict[str, Any]:
        """Return what the manifests of all fits of this query say."""
        return {
            "parameters": parameters_of(self._query),
            "fingerprint": self._runner.fingerprint,
            "exporter": __version__,
        }

    def begin(self, now: float, model: int, drift: Mapping[str, int] | None) -> None:
        """Let what was learned from the look-back be a version.

        now : unix seconds
        model : what it is believed to be a version of, 0 for none
        drift : series by severity

        Raises
        ------
        StateError
            It cannot be written.
        """
        state = self._runner.copy()
        number = max(self.life.next_number, model + 1)
        step = milliseconds(self._query.step)
        columns = milliseconds(self._query.lookback) // step
        fit = Manifest(
            number=number,
            reason="first run",
            decision="first",
            made=now,
            first=state.until - columns * step,
            last=state.until,
            columns=columns + 1,
            series=len(state.keys),
            samples=None,
            until=state.until,
            drift=None if drift is None else dict(drift),
            **self.facts(),
        )
        self._folder.save(fit, replace(state, model=number))
        self.life = self.life.with_fit(fit)
        self._folder.keep_life(self.life)
        self._runner.number(number)
        self._folder.prune(self.life.kept(self._keep_most))
        about = {"query": self._query.name, "version": number, "series": fit.series}
        log.info("began a version of a model", extra=about)

    def turn(self) -> None:
        """Note what the champion knows; what was noted before is where the tail begins.

        Raises
        ------
        StateError
            It cannot be written.
        """
        state = self._runner.copy()
        self._folder.move_before(self.life.champion)
        self._keep(self.champion, state)

    def refuse(self, life: Life) -> None:
        """Keep what is known after a challenger was refused.

        Raises
        ------
        StateError
            It cannot be written.
        """
        self.life = life
        self._folder.keep_life(life)

    def promote(self, fit: Manifest, life: Life, state: QueryState) -> StateError | None:
        """Put a challenger in force.

        Returns
        -------
        why what the old one has become could not be written

        Raises
        ------
        StateError
            The challenger cannot be written, or the query began anew meanwhile.
        """
        state = replace(state, model=fit.number)
        self._folder.save(fit, state)
        return self.exchange(life, state)

    def exchange(self, life: Life, state: QueryState) -> StateError | None:
        """Put a version in force whose file is written, and keep what the old one has become.

        What is known is written first: a crash then goes on with the version's file. Returns and
        raises as `promote` does.
        """
        old, self.life = self.life.champion, life
        self._folder.keep_life(life)
        retired = self._runner.swap(old, state)
        if retired is None:
            raise StateError(
                f"query {self._query.name} began anew meanwhile, so that version {life.champion} "
                "is not in force; the next one begins with what it learns now"
            )
        try:
            manifest = self.life.manifest(old)
            if manifest is not None:
                self._keep(manifest, retired)
            self._folder.retire(old)
            self._folder.prune(self.life.kept(self._keep_most))
        except StateError as error:
            return error  # it can be caught up with from its older file
        return None

    def ways_back(self, to: int | None) -> tuple[int, ...]:
        """Return the versions to try if one wants to go back to some number, or one step.

        Raises
        ------
        ValueError
            There is none; says which there are.
        """
        life, name = self.life, self._query.name
        kept = [number for number in life.kept(self._keep_most) if number != life.champion]
        usable = [number for number in kept if self._is_usable(life.manifest(number))]
        names = ", ".join(map(str, usable)) or "none"
        if to is None:
            back = tuple(number for number in usable if number < life.champion)
            if not back:
                raise ValueError(
                    f"query {name} has no version before {life.champion} to go back to; name "
                    f"another that is kept: {names}"
                )
            return back
        if to not in usable:
            why = "which is in force" if to == life.champion else "which is not kept"
            if to in kept:
                why = (
                    "which is of other settings of the query, or has learned nothing for longer "
                    "than `models.history`"
                )
            raise ValueError(f"found version {to} of {name}, {why}; allowed: {names}")
        return (to, *(number for number in usable if number < min(to, life.champion)))

    def _is_usable(self, manifest: Manifest | None) -> bool:
        return (
            manifest is not None
            and manifest.fingerprint == self._runner.fingerprint
            and manifest.until >= self._runner.state.until - self._reach
        )

    def _keep(self, manifest: Manifest, state: QueryState) -> None:
        """Write what a version knows by now."""
        self.life = self.life.with_facts(manifest.number, until=state.until)
        self._folder.save(replace(manifest, until=state.until), state)
        self._folder.keep_life(self.life)
