"""What does the daemon learn from verdicts, beside thresholds? Its loops and pages, together."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from aiohttp import web

from promkit.clock import Clock
from webhook.adapters.exposition import Metrics
from webhook.adapters.store import Store
from webhook.asking import Asking
from webhook.config import WebhookConfig
from webhook.observer import OBSERVE_SECONDS, Observer
from webhook.periodic import run_every
from webhook.quality import QUALITY_SECONDS, QualityLoop
from webhook.shadow import SHADOW_SECONDS, Shadow
from webhook.watcher import MAKE_SECONDS, WATCH_SECONDS, Watcher
from webhook.web.patterns import Patterns, add_patterns
from webhook.web.quality import Grades, add_quality
from webhook.web.shadow import add_shadow


class Learning:
    """The parts, and what they are configured to do.

    Parameters
    ----------
    store : incidents and verdicts
    clock : time
    metrics : counts what stays silent, and takes metrics of these loops
    config : returns what is in force
    notified : called after something was handed to the gate
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        config: Callable[[], WebhookConfig],
        notified: Callable[[], None],
    ) -> None:
        registry = metrics.registry
        self._clock = clock
        self._patterns = Patterns(store, clock, notified, lambda: config().external_url)
        self._asking = Asking(config)
        self._observer = Observer(store, clock, registry, self._asking, config)
        self._watcher = Watcher(
            store,
            clock,
            registry,
            self._asking,
            config,
            silenced=lambda count: metrics.suppressed("harmless_pattern", count),
            notified=notified,
        )
        self.shadow = Shadow(store, clock, registry, self._asking, config)
        self.quality = QualityLoop(store, clock, registry, config)

    def loops(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what runs for as long as the daemon does."""
        return (
            run_every(
                "observe incidents", lambda: OBSERVE_SECONDS, self._observer.run, self._clock
            ),
            run_every(
                "watch what is silent", lambda: WATCH_SECONDS, self._watcher.watch, self._clock
            ),
            run_every("make patterns", lambda: MAKE_SECONDS, self._watcher.make, self._clock),
            run_every("compare thresholds", lambda: SHADOW_SECONDS, self.shadow.run, self._clock),
            run_every("measure quality", lambda: QUALITY_SECONDS, self.quality.run, self._clock),
        )

    def add_routes(self, app: web.Application) -> None:
        """Add what programs may ask of it, to an application that has not started yet."""
        add_patterns(app, self._patterns)
        add_shadow(app, self.shadow.latest)
        add_quality(app, Grades(self.quality.latest, self.quality.degradations))

    def close(self) -> None:
        """Let go of the threads."""
        self._asking.close()
