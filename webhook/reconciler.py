"""Do we hold what Alertmanager and Prometheus know? Asked at start and every minute.

Alertmanager never delivers an alert that began and ended while nobody took it, and a resolved that
it could not deliver is lost when it restarts. What is found missing here is recorded like a
delivery, so the same rules keep it from being told twice.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from promkit.clock import Clock
from promkit.labels import Matcher
from webhook.adapters.alertmanager import Alertmanager
from webhook.adapters.alerts_history import AlertsHistory
from webhook.adapters.factstore import get_fact, put_fact
from webhook.adapters.held import RECONCILE, latest_incidents, open_incidents
from webhook.adapters.recording import Recording
from webhook.adapters.store import Store
from webhook.adapters.truthmetrics import ReconcileMetrics
from webhook.core.alerts import Alert, Delivery
from webhook.core.amroutes import AmRoute
from webhook.core.incidents import Change
from webhook.core.reconcile import Held, Listed, began, ended
from webhook.core.routing import Routing
from webhook.errors import LookupFailed, LookupReason, StoreError

log = logging.getLogger(__name__)

# Everything that was delivered until then is known; what was not has to be looked up.
COVERED = "reconcile_covered_until"
# The external URLs of the Alertmanagers whose alerts the one that we ask lists.
_SOURCES = "reconcile_sources"
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Scope:
    """What is compared, and how patiently; see `webhook.settings.reconcile`.

    Parameters
    ----------
    alertmanager, history : whom to ask; no history where no Prometheus is configured
    receiver : Alertmanager's name for us, None takes every alert
    matchers : only alerts that all accept
    heartbeats : alerts that these accept are none
    routing : who hears about what is found
    """

    alertmanager: Alertmanager
    history: AlertsHistory | None
    receiver: str | None
    matchers: tuple[Matcher, ...]
    heartbeats: tuple[Matcher, ...]
    wait: float
    settle: float
    lookback: float
    routing: Routing

    def is_ours(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the labels are within what is compared."""
        is_heartbeat = bool(self.heartbeats) and all(m.matches(labels) for m in self.heartbeats)
        return not is_heartbeat and all(m.matches(labels) for m in self.matchers)


class Reconciler:
    """Compares, records, remembers.

    Parameters
    ----------
    store : where incidents are
    clock : time
    metrics : counts what is found
    notified : called after something was put into the outbox
    opened : told of new incidents, by alertname and query
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        metrics: ReconcileMetrics,
        notified: Callable[[], None],
        opened: Callable[[Mapping[tuple[str, str], int]], None] = lambda counts: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._notified = notified
        self._opened = opened
        self._up_since = clock.now()
        self._missing: Mapping[str, float] = {}
        # The end of a time that still has to be looked into; None when all is covered.
        self._gap_until: float | None = self._up_since
        self._last_run: float | None = None

    async def run(self, scope: Scope, interval: float) -> None:
        """Compare once; failures are counted and logged, never raised.

        Parameters
        ----------
        interval : seconds between two runs; more than two of them without one is a gap
        """
        now = self._clock.now()
        if self._last_run is not None and now - self._last_run > 2 * interval:
            # The machine slept, or the store could not be written: like having been away.
            self._up_since = self._gap_until = now
        self._metrics.ran()
        try:
            await self._recover(scope, now)
            await self._compare(scope, now)
        except LookupFailed as error:
            self._fail(error.reason, str(error))
            return
        except StoreError as error:
            self._fail("store", str(error))
            return
        self._last_run = now
        self._metrics.succeeded(now)

    def _fail(self, reason: LookupReason, problem: str) -> None:
        self._metrics.failed(reason)
        log.warning("cannot reconcile", extra={"reason": reason, "problem": problem})

    async def _recover(self, scope: Scope, now: float) -> None:
        """Record what came and went in the time that nobody covered."""
        if scope.history is not None and self._gap_until is not None:
            covered = await self._store.read(lambda connection: get_fact(connection, COVERED))
            until = self._gap_until
            # A store without this fact has never been up: nothing of before concerns it.
            start = max(float(covered), until - scope.lookback) if covered is not None else until
            if start < until:
                # Some seconds of now, so that an end just before is seen to be one.
                alerts = await asyncio.to_thread(scope.history.ended_between, start, now)
                ours = [alert for alert in alerts if scope.is_ours(alert.labels)]
                if ours and scope.receiver is not None:
                    route = (await asyncio.to_thread(scope.alertmanager.status)).route
                    ours = [alert for alert in ours if _is_routed(route, scope.receiver, alert)]
                changes = await self._record(scope, ours, "came and went while we were away")
                self._metrics.found(0, changes[Change.MISSED], changes[Change.CLOSED])
        self._gap_until = None
        await self._store.write(lambda connection: put_fact(connection, COVERED, now, now))

    async def _compare(self, scope: Scope, now: float) -> None:
        open_before = await self._store.read(open_incidents)
        asked_at = self._clock.now()
        everything = await asyncio.to_thread(scope.alertmanager.listed)
        started_at = (await asyncio.to_thread(scope.alertmanager.status)).started_at
        ours = [
            listed
            for listed, receivers in everything.values()
            if (scope.receiver is None or scope.receiver in receivers)
            and scope.is_ours(listed.alert.labels)
        ]
        unknown = {one.alert.fingerprint for one in ours} - open_before.keys()
        held = await self._store.read(lambda connection: latest_incidents(connection, unknown))
        found = list(began(ours, {**held, **open_before}, asked_at, self._up_since, scope.wait))
        opened = await self._record(scope, found, "listed by Alertmanager")
        sources = await self._learn(open_before, everything, now)
        ends: Sequence[Alert] = ()
        if now - started_at > scope.settle:
            ends, self._missing = ended(open_before, everything.keys(), self._missing, sources, now)
        else:
            self._missing = {}
        if ends and scope.history is not None:
            firing = await asyncio.to_thread(scope.history.firing_now)
            ends = [alert for alert in ends if alert.fingerprint not in firing]
        closed = await self._record(scope, ends, "no longer listed by Alertmanager")
        self._metrics.found(opened[Change.OPENED], 0, closed[Change.CLOSED])

    async def _learn(
        self,
        open_before: Mapping[str, Held],
        everything: Mapping[str, tuple[Listed, frozenset[str]]],
        now: float,
    ) -> frozenset[str]:
        """Return whose alerts this Alertmanager lists: its own, and those of its cluster."""
        seen = {
            held.source for name, held in open_before.items() if name in everything and held.source
        }

        def learn(connection: Connection) -> frozenset[str]:
            before = frozenset(get_fact(connection, _SOURCES) or ())
            if seen - before:
                put_fact(connection, _SOURCES, sorted(before | seen), now)
            return before | seen

        return await self._store.write(learn)

    async def _record(self, scope: Scope, alerts: Sequence[Alert], cause: str) -> Counter[Change]:
        changes: Counter[Change] = Counter()
        for start in range(0, len(alerts), _BATCH):
            delivery = Delivery(
                alerts=tuple(alerts[start : start + _BATCH]),
                problems=(),
                receiver=scope.receiver or "",
                source=RECONCILE,
                cause=cause,
                truncated=0,
                origin="reconcile",
            )
            recorded = await self._store.record(
                Recording(delivery, scope.routing, self._clock.now())
            )
            changes += recorded.changes
            self._opened(recorded.opened)
            if recorded.is_notified:
                self._notified()
        if alerts:
            log.warning("reconciled", extra={"alerts": len(alerts), "cause": cause})
        return changes


def _is_routed(route: AmRoute, receiver: str, alert: Alert) -> bool:
    return receiver in route.receivers_for(alert.labels)
