"""What does the daemon find out by itself, beside what is delivered to it? Its loops, together.

Reconciling with Alertmanager and Prometheus, its silences, the dead man's switch, and groups of one
cause.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promkit.clock import Clock
from promkit.httpconfig import requests_session
from promkit.labels import Matcher, parse_matchers
from webhook.adapters.alertmanager import Alertmanager
from webhook.adapters.alerts_history import AlertsHistory
from webhook.adapters.exposition import Metrics
from webhook.adapters.held import names_since
from webhook.adapters.jsonget import JsonSource
from webhook.adapters.movements import MovementSource
from webhook.adapters.store import Store
from webhook.adapters.truthmetrics import HeartbeatMetrics, IncidentMetrics, ReconcileMetrics
from webhook.config import WebhookConfig
from webhook.core.alerts import Delivery
from webhook.core.routing import Routing, Target
from webhook.correlator import Correlator, Evidence
from webhook.heartbeat import Heartbeat, Switch
from webhook.periodic import run_every
from webhook.reconciler import Reconciler, Scope
from webhook.settings.reconcile import DeadMansSwitchConfig
from webhook.settings.sources import SourceConfig
from webhook.silences import READ_SECONDS, Silences

# How late a heartbeat's absence, or a group, may be noticed.
_WATCH_SECONDS = 5.0
_CORRELATE_SECONDS = 15.0
_REMEMBERED = 30 * 86_400.0


class Truth:
    """The loops, and what they are configured to do.

    Parameters
    ----------
    store : where incidents are
    clock : time
    metrics : counts what gets no message of its own, and takes metrics of these loops
    notified : called after something was put into the outbox
    config : returns what is in force
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        notified: Callable[[], None],
        config: Callable[[], WebhookConfig],
    ) -> None:
        self._clock = clock
        self._config = config
        registry = metrics.registry
        self._store = store
        self._incidents = IncidentMetrics(registry)
        self._reconciler = Reconciler(
            store,
            clock,
            ReconcileMetrics(registry, lambda count: metrics.suppressed("missed", count)),
            notified,
            self._incidents.opened,
        )
        self._heartbeat = Heartbeat(store, clock, HeartbeatMetrics(registry), notified)
        self._correlator = Correlator(store, clock)
        self._silences = Silences(registry, clock)
        self._built: _Sources | None = None

    @property
    def opened(self) -> Callable[[Mapping[tuple[str, str], int]], None]:
        """Counts new incidents, by alertname and query."""
        return self._incidents.opened

    async def start(self) -> None:
        """Remember what alerts there were, so that the next of them is seen as an increase."""
        since = self._clock.now() - _REMEMBERED
        self._incidents.expect(
            await self._store.read(lambda connection: names_since(connection, since))
        )

    def loops(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what runs for as long as the daemon does."""
        return (
            run_every(
                "reconcile",
                lambda: self._config().reconcile.interval,
                self._reconcile,
                self._clock,
            ),
            run_every("watch heartbeats", self._watch_seconds, self._watch, self._clock),
            run_every("read silences", lambda: READ_SECONDS, self._read_silences, self._clock),
            run_every("correlate", lambda: _CORRELATE_SECONDS, self._correlate, self._clock),
        )

    async def take(self, delivery: Delivery, now: float) -> Delivery:
        """Return a delivery without its heartbeats, which are noted.

        Raises
        ------
        StoreUnavailable
            If they cannot be.
        """
        return await self._heartbeat.take(self._switch(), delivery, now)

    async def _reconcile(self) -> None:
        scope = self._sources().scope
        if scope is not None:
            await self._reconciler.run(scope, self._config().reconcile.interval)

    async def _read_silences(self) -> None:
        await self._silences.run(self._sources().alertmanager)

    async def _watch(self) -> None:
        await self._heartbeat.check(self._switch())

    def _watch_seconds(self) -> float:
        return min(_WATCH_SECONDS, self._switch().after / 10)

    async def _correlate(self) -> None:
        evidence = self._sources().evidence
        await self._correlator.run(self._config().correlation_rules, evidence)

    def _switch(self) -> Switch:
        return self._sources().switch

    def _sources(self) -> "_Sources":
        """Return whom to ask; made anew only after a reload, so that connections are kept."""
        config = self._config()
        if self._built is None or self._built.config is not config:
            self._built = _sources(config)
        return self._built


@dataclass(frozen=True, slots=True)
class _Sources:
    config: WebhookConfig
    switch: Switch
    scope: Scope | None
    evidence: Evidence | None
    # Beside the one that is compared with, since a session is for one thread at a time.
    alertmanager: Alertmanager | None


def _sources(config: WebhookConfig) -> _Sources:
    history = evidence = scope = alertmanager = None
    # The shipped rule fires always; where nobody wants to hear of its absence, it is no incident
    # either.
    switch = config.dead_mans_switch or DeadMansSwitchConfig(channels=())
    heartbeats = _parsed(switch.matchers)
    if config.prometheus is not None:
        prometheus = _source(config.prometheus)
        history = AlertsHistory(prometheus)
        evidence = Evidence(MovementSource(prometheus), history)
    if config.alertmanager is not None:
        settings = config.reconcile
        alertmanager = Alertmanager(_source(config.alertmanager))
        scope = Scope(
            alertmanager=Alertmanager(_source(config.alertmanager)),
            history=history,
            receiver=settings.receiver,
            matchers=_parsed(settings.matchers),
            heartbeats=heartbeats,
            wait=settings.wait,
            settle=settings.settle,
            lookback=settings.lookback,
            routing=config.routing,
        )
    told = Routing(tuple(Target(name) for name in switch.channels))
    return _Sources(config, Switch(heartbeats, switch.after, told), scope, evidence, alertmanager)


def _source(config: SourceConfig) -> JsonSource:
    return JsonSource(config.url, requests_session(config))


def _parsed(texts: tuple[str, ...]) -> tuple[Matcher, ...]:
    return tuple(matcher for text in texts for matcher in parse_matchers(text))
