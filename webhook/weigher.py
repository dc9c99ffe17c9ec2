"""Who moves the weights of detectors, and when? Twenty verdicts on a query, and every Sunday.

All that a change is made of is read again within the transaction that writes it, and these run one
after the other over all replicas: of two that want the same, the second finds nothing new.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import replace

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection

from promkit.clock import Clock
from webhook.adapters.ensembles import ensemble_of
from webhook.adapters.factstore import get_fact, put_fact
from webhook.adapters.prometheus import PrometheusError
from webhook.adapters.store import Store
from webhook.adapters.weightmetrics import weight_metrics
from webhook.adapters.weightpast import WeightPast, queries_to_weigh, weight_past
from webhook.adapters.weights import (
    WeightChange,
    WeightsWritten,
    apply_weights,
    list_weights,
)
from webhook.asking import Asking
from webhook.config import WebhookConfig
from webhook.core.thresholds import is_safe, last_sunday
from webhook.core.weights import (
    BATCH,
    WEEKLY_BATCH,
    Ensemble,
    Reason,
    evidence_of,
    moved,
    replay_of,
)
from webhook.errors import StoreError

log = logging.getLogger(__name__)

# Somebody waits for the page; what takes longer is left to the loop.
_PAGE_SECONDS = 3.0
_LOOP_SECONDS = 30.0
_FACT = "weights_weekly_at"
_ACTOR = "tuning"
_UNKNOWN = (
    "Prometheus does not say how the query's detectors are combined "
    "(anomaly_ensemble_info, anomaly_detector_weight)"
)


class Weigher:
    """Moves weights as verdicts come.

    Parameters
    ----------
    store : verdicts, and what detectors said of the incidents
    clock : time
    registry : takes metrics
    config : returns what is in force
    asking : knows whom to ask how detectors are combined
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: CollectorRegistry,
        config: Callable[[], WebhookConfig],
        asking: Asking,
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._asking = asking
        self._metrics = weight_metrics(registry, lambda: store.read_here(list_weights))

    def changed(self, written: WeightsWritten) -> None:
        """Count and log a change."""
        if written.action != "weight_kept":
            is_applied = written.action != "weight_proposed"
            self._metrics.changed(written.reason, is_applied=is_applied)
        more = {"query": written.query, "change": written.id, "what": written.words}
        log.info("weights", extra=more)

    async def told(self, query: str) -> str:
        """Do what a verdict on an incident of a query asks for; return in words what changed."""
        if not self._is_on:
            return ""
        try:
            if query not in await self._queries(BATCH, query):
                return ""
            written = await self._consider(query, "verdicts", _PAGE_SECONDS)
        except PrometheusError as error:
            # The loop tries again within a minute.
            log.warning("no weights yet", extra={"query": query, "problem": str(error)})
            return ""
        except StoreError as error:
            log.warning("no weights are moved yet", extra={"problem": str(error)})
            return ""
        is_change = written is not None and written.action in ("weight_raised", "weight_lowered")
        return written.words if written is not None and is_change else ""

    async def run(self) -> None:
        """Do once what is due: queries with twenty new verdicts, and on Sundays all."""
        if not self._is_on:
            return
        try:
            await self._consider_all("verdicts", BATCH)
            await self._weekly()
        except StoreError as error:
            log.warning("no weights are moved", extra={"problem": str(error)})

    @property
    def _is_on(self) -> bool:
        tuning = self._config().tuning
        return tuning.enabled and tuning.weights

    async def _weekly(self) -> None:
        now = self._clock.now()
        due = last_sunday(now, self._config().timezone)
        done = await self._store.read(lambda connection: get_fact(connection, _FACT))
        if done is not None and float(done) >= due:
            return
        if await self._consider_all("weekly", WEEKLY_BATCH):
            await self._store.write(lambda connection: put_fact(connection, _FACT, due, now))

    async def _consider_all(self, reason: Reason, least: int) -> bool:
        """Weigh what is due; return whether nothing of it has to wait for Prometheus."""
        is_done = True
        for query in await self._queries(least):
            try:
                await self._consider(query, reason, _LOOP_SECONDS)
            except PrometheusError as error:
                is_done = False
                log.warning("weights wait", extra={"query": query, "problem": str(error)})
        return is_done

    async def _queries(self, least: int, query: str | None = None) -> list[str]:
        names, now = self._config().tuning.alertnames, self._clock.now()
        return await self._store.read(
            lambda connection: queries_to_weigh(connection, names, now, least, query)
        )

    async def _consider(self, query: str, reason: Reason, seconds: float) -> WeightsWritten | None:
        """Weigh the detectors of a query anew if that is due; return what was written down.

        Raises
        ------
        PrometheusError
            If there is a Prometheus, and it does not answer in time.
        """
        names, now = self._config().tuning.alertnames, self._clock.now()
        past = await self._store.read(lambda c: _due(c, query, reason, names, now))
        if past is None:
            return None
        ensemble = await self._ensemble(query, past, now, seconds)
        is_brave = self._config().tuning.apply_losses
        written = await self._store.write(
            lambda c: weigh(c, query, reason, names, now, ensemble, is_brave=is_brave)
        )
        if written is not None:
            self.changed(written)
        return written

    async def _ensemble(
        self, query: str, past: WeightPast, now: float, seconds: float
    ) -> Ensemble | None:
        prometheus = self._asking.prometheus()
        if prometheus is None:
            return None
        return await ensemble_of(prometheus, query, past.ratios, now, seconds)


def _due(
    connection: Connection, query: str, reason: Reason, alertnames: Collection[str], now: float
) -> WeightPast | None:
    past = weight_past(connection, query, alertnames, now)
    return past if past.is_due(is_weekly=reason == "weekly") else None


def weigh(
    connection: Connection,
    query: str,
    reason: Reason,
    alertnames: Collection[str],
    now: float,
    ensemble: Ensemble | None,
    *,
    is_brave: bool,
) -> WeightsWritten | None:
    """Weigh the detectors of a query anew if that is due; return what was written down.

    Parameters
    ----------
    reason : `verdicts` or `weekly`
    now : unix seconds
    ensemble : None where nobody knows it; then a change is only proposed
    is_brave : whether it is applied even so, and where confirmed incidents would be missed
    """
    past = _due(connection, query, reason, alertnames, now)
    if past is None:
        return None
    change = _change(query, reason, past, ensemble, is_brave=is_brave)
    # Of a Sunday on which nothing moves there is nothing to say.
    is_silent = reason == "weekly" and not change.after
    return None if is_silent else apply_weights(connection, change, now)


def _change(
    query: str, reason: Reason, past: WeightPast, ensemble: Ensemble | None, *, is_brave: bool
) -> WeightChange:
    weights = {} if ensemble is None else ensemble.weights
    evidence = evidence_of(past.opinions, None if ensemble is None else weights.keys())
    after = moved(past.ratios, evidence.precisions(), weights)
    why = f"{evidence.real} real and {evidence.false_alarms} false alarms of 90 days"
    change = WeightChange(query, after, reason, _ACTOR, why, evidence, ensemble)
    if not after:
        return change
    if ensemble is None:
        return replace(change, why=f"{why}; {_UNKNOWN}", is_applied=is_brave)
    replay = replay_of(past.alarms, ensemble, past.ratios, {**past.ratios, **after})
    is_applied, words = is_safe(replay, 0)
    return replace(change, why=f"{why}; {words}", replay=replay, is_applied=is_applied or is_brave)
