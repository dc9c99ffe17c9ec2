"""What happens in the life of one query's model: it begins, is challenged, replaced, taken back."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event

from exporter.adapters.versionfiles import VersionFolder
from exporter.config import QueryConfig, milliseconds
from exporter.core.source import Source
from exporter.errors import StateCorrupt, StateError
from exporter.lifecycle.decision import worse_in
from exporter.lifecycle.due import Cadence, reason_due, seconds_until_due
from exporter.lifecycle.versions import Life, Manifest, Reason
from exporter.loops.refit import Refit, Trial
from exporter.loops.refitkeeper import VersionKeeper
from exporter.loops.runner import QueryRunner
from exporter.settings.models import ModelsConfig

log = logging.getLogger(__name__)

FREQUENT = 5.0
"""Seconds between looks while the query has not looked back yet."""


@dataclass(frozen=True, slots=True)
class Change:
    """What came of a challenger, or of a wish to go back.

    Parameters
    ----------
    manifest : of the challenger, or of the version that is in force again
    unsaved : why what the version before has become could not be written
    """

    manifest: Manifest
    unsaved: StateError | None = None


class RefitRunner:
    """The model of one query; called from one thread at a time.

    Parameters
    ----------
    query : resolved, see `Config.all_queries`
    models : its life cycle
    runner : evaluates the query, and holds the champion
    folder : where versions are kept
    source : where its samples come from
    clock : seconds that never go back

    Attributes
    ----------
    stopping, interrupted : end what is under way, the second a refit alone
    """

    def __init__(
        self,
        query: QueryConfig,
        models: ModelsConfig,
        runner: QueryRunner,
        folder: VersionFolder,
        source: Source,
        clock: Callable[[], float],
    ) -> None:
        self.query = query
        self.models = models
        self.stopping = Event()
        self.interrupted = Event()
        window = query.drift.window if query.drift is not None and models.on_drift else None
        self.cadence = Cadence(refit=models.refit, drift=window, tail=models.tail)
        self._runner = runner
        self._folder = folder
        self._keeper = VersionKeeper(query, models, runner, folder)
        self._work = Refit(
            query,
            runner.plan,
            models.history,
            source,
            clock,
            lambda: self.stopping.is_set() or self.interrupted.is_set(),
            runner.at_present,
        )

    @property
    def fingerprint(self) -> str:
        """What the query's state depends on."""
        return self._runner.fingerprint

    @property
    def life(self) -> Life:
        """What is known of the model; any thread may ask."""
        return self._keeper.life

    @property
    def has_tail(self) -> bool:
        """Whether it is known what the champion was like before a tail that is long enough."""
        return bool(self.life.champion) and self._keeper.before.exists()

    def look(self, now: float, drift: Mapping[str, int] | None) -> None:
        """Begin a version if the model is of none, and note what it knows where a tail may begin.

        now : unix seconds
        drift : series by severity, None without checks

        Raises
        ------
        StateError
            Something cannot be read or written.
        """
        self._keeper.load()
        if not self._runner.has_looked_back:
            return
        model = self._runner.state.model
        if model == 0 or model != self.life.champion:
            self._keeper.begin(now, model, drift)
        elif self._keeper.until_turn <= 0:
            self._keeper.turn()

    def due(self, now: float, *, is_asked: bool, has_drifted: bool) -> Reason | None:
        """Return why a challenger is due now, and can be judged; None if none is."""
        if not self.has_tail:
            return None
        return reason_due(self.life, self.cadence, now, is_asked=is_asked, has_drifted=has_drifted)

    def pause(self, now: float, *, has_drifted: bool) -> float:
        """Return for how many seconds there is nothing to look at."""
        if not self.life.champion or not self._runner.has_looked_back:
            return min(FREQUENT, self.models.tail)
        turn = self._keeper.until_turn
        due = seconds_until_due(self.life, self.cadence, now, has_drifted=has_drifted)
        return min(turn, due) if self.has_tail else turn

    def refit(self, now: float, reason: Reason, drift: Mapping[str, int] | None) -> Change:
        """Fit a challenger, and put it in force unless it is worse.

        Raises
        ------
        QueryError
            Prometheus has no answer.
        StateError
            What the champion was before the tail cannot be read, or the challenger not be written.
        Stopped
            It was told to end.
        """
        keeper = self._keeper
        version, _ = self._folder.first_good([keeper.before], self._runner.plan)
        if version is None:
            raise StateCorrupt(
                f"it is not known what version {self.life.champion} of {self.query.name} was like "
                "before the tail; a challenger can be judged after another one"
            )
        trial = self._work.fit(version.state, self._runner.state.until, milliseconds(now))
        worse = worse_in(trial.challenger, trial.champion)
        fit = self._manifest(now, reason, trial, worse, drift)
        _tell(self.query.name, fit)
        life = self.life
        if keeper.champion.quality is None:  # the first one: nothing was held back from it then
            life = life.with_facts(life.champion, quality=trial.champion)
        if worse:
            keeper.refuse(life.with_fit(fit))
            return Change(fit)
        return Change(fit, keeper.promote(fit, life.with_fit(fit), trial.state))

    def ways_back(self, to: int | None) -> tuple[int, ...]:
        """Return the versions to try if one wants to go back to some number, or one step.

        Raises
        ------
        ValueError
            There is none; says which there are.
        """
        return self._keeper.ways_back(to)

    def roll_back(self, now: float, numbers: Sequence[int]) -> Change:
        """Put the first of some versions that is whole in force, as it would be by now.

        Raises
        ------
        QueryError
            Prometheus has no answer.
        StateError
            None of them can be read, or the choice not be written.
        Stopped
            It was told to end.
        """
        self.interrupted.clear()
        files = self._folder.files_of(numbers)
        version, _ = self._folder.first_good(files, self._runner.plan)
        if version is None:
            raise StateCorrupt(
                f"no version of {self.query.name} can be read of those to go back to: "
                f"{', '.join(map(str, numbers))}"
            )
        number = version.manifest.number
        state = self._work.catch_up(version.state, self._runner.state.until)
        about = {"query": self.query.name, "version": number, "instead_of": self.life.champion}
        life = replace(self.life, champion=number, held_until=now + self.cadence.hold)
        unsaved = self._keeper.exchange(life, state)
        log.warning("went back to another version of a model", extra=about)
        return Change(version.manifest, unsaved)

    def _manifest(
        self,
        now: float,
        reason: Reason,
        trial: Trial,
        worse: tuple[str, ...],
        drift: Mapping[str, int] | None,
    ) -> Manifest:
        return Manifest(
            number=self.life.next_number,
            reason=reason,
            decision="refused" if worse else "promoted",
            made=now,
            first=trial.first,
            last=trial.last,
            columns=trial.columns,
            series=trial.series,
            samples=trial.samples,
            until=trial.state.until,
            quality=trial.challenger,
            beside=self.life.champion,
            champion=trial.champion,
            worse=worse,
            drift=None if drift is None else dict(drift),
            **self._keeper.facts(),
        )


def _tell(query: str, fit: Manifest) -> None:
    """Log a decision with the numbers of both."""
    about: dict[str, object] = {
        "query": query,
        "version": fit.number,
        "reason": fit.reason,
        "instead_of": fit.beside,
    }
    if fit.worse:
        about["worse"] = ",".join(fit.worse)
    for name in ("alarms_per_series_day", "band_error_ratio", "judged_ratio"):
        pair = [getattr(one, name) for one in (fit.quality, fit.champion)]
        about[name] = " beside ".join("-" if one is None else f"{one:.4g}" for one in pair)
    log.info(f"{fit.decision} a challenger", extra=about)
