"""How do the parts become one daemon: started in order, reloaded, drained in the reverse order?"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from promkit.clock import Clock
from promkit.errors import ConfigProblems
from promkit.lifecycle import on_hangup
from promkit.log import Logs
from promkit.logmetrics import LogMetrics
from promkit.reload import ConfigWatcher
from promkit.web import serve
from webhook import __version__
from webhook.adapters.exposition import Metrics
from webhook.adapters.feedback import judged_since
from webhook.adapters.gatemetrics import GateMetrics
from webhook.adapters.linkkeys import LinkKeys
from webhook.adapters.missed import marked_since
from webhook.adapters.queries import counts
from webhook.adapters.store import Store, open_store
from webhook.adapters.verdictmetrics import KEPT_SECONDS, VerdictMetrics
from webhook.auditor import Auditor
from webhook.composer import Composer
from webhook.config import WebhookConfig, load_config
from webhook.dispatcher import Dispatcher
from webhook.enrichment import Enrichment
from webhook.gatekeeper import Gatekeeper
from webhook.keeping import clean_daily, probe_store
from webhook.learning import Learning
from webhook.overseeing import Overseer
from webhook.periodic import run_every
from webhook.serving import Served, application
from webhook.showing import Showing
from webhook.truth import Truth
from webhook.tuner import LOOK_SECONDS, Tuner

log = logging.getLogger(__name__)

# With five seconds for open requests, the whole stop stays below ten.
SEND_GRACE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says.

    Parameters
    ----------
    config_file : the YAML file
    listen : addresses to serve on
    web_config_file : exporter-toolkit's file, if any
    logs : what is logged, for the metrics
    """

    config_file: Path
    listen: tuple[str, ...]
    web_config_file: Path | None = None
    logs: Logs | None = None


def read_config(path: Path) -> WebhookConfig:
    """Read the configuration file.

    Raises
    ------
    ConfigProblems
        If it cannot be read or is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigProblems(
            [
                f"{path}: there is no such file; name yours with --config.file, or start with a "
                "file that holds one line: channels: [{kind: log}]"
            ]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigProblems([f"{path}: cannot be read: {reason}"]) from None
    return load_config(text, str(path))


async def run(
    options: Options,
    clock: Clock,
    stop: asyncio.Event,
    listening: Callable[[tuple[str, ...]], None] = lambda addresses: None,
) -> None:
    """Run the daemon until `stop` is set.

    Parameters
    ----------
    listening : told the bound addresses once alerts are taken

    Raises
    ------
    ConfigProblems
        If a configuration file is wrong.
    StoreUnusable
        If the store cannot be opened.
    OSError
        If an address cannot be bound.
    """
    config = read_config(options.config_file)
    with open_store(config.store.database) as store:
        daemon = _Daemon(options, clock, store, config)
        await daemon.run(stop, listening)


class _Daemon:
    def __init__(self, options: Options, clock: Clock, store: Store, config: WebhookConfig) -> None:
        self._options = options
        self._clock = clock
        self._store = store
        self._config = config
        self._is_stopping = False
        self._is_configured = False
        self._watcher = ConfigWatcher(options.config_file, self._apply, clock)
        self._metrics = Metrics(
            __version__,
            counts=lambda: store.read_here(counts),
            reloads=lambda: (
                self._watcher.last_reload_successful,
                self._watcher.last_reload_success_timestamp,
            ),
            now=clock.now,
        )
        if options.logs is not None:
            self._metrics.registry.register(LogMetrics("anomaly_webhook", options.logs))
        self._keys = LinkKeys(store, clock)
        self._enrichment = Enrichment(
            store, clock, self._metrics.registry, self._keys, lambda: self._config
        )
        composer = Composer(self._enrichment, lambda: self._config)
        self._showing = Showing(store, clock, composer, lambda: self._config)
        self._verdicts = VerdictMetrics(
            self._metrics.registry,
            lambda: store.read_here(
                lambda connection: judged_since(connection, clock.now() - KEPT_SECONDS)
            ),
            lambda: store.read_here(
                lambda connection: marked_since(connection, clock.now() - KEPT_SECONDS)
            ),
        )
        self._auditor = Auditor(store, clock, self._metrics.registry, lambda: self._config)
        self._tuner = Tuner(store, clock, self._metrics.registry, lambda: self._config)
        self._dispatcher = Dispatcher(store, clock, self._metrics, composer.compose)
        self._gatekeeper = Gatekeeper(
            store,
            clock,
            self._metrics,
            GateMetrics(self._metrics.registry, clock.now),
            settings=lambda: (self._config.gate_rules, self._config.external_url),
            admitted=self._dispatcher.wake,
        )
        self._learning = Learning(
            store, clock, self._metrics, lambda: self._config, self._gatekeeper.wake
        )
        self._overseer = Overseer(
            store,
            clock,
            lambda: self._config,
            self._why_not_ready,
            self._learning.quality.latest,
            __version__,
        )
        self._truth = Truth(
            store, clock, self._metrics, self._gatekeeper.wake, lambda: self._config
        )

    async def run(self, stop: asyncio.Event, listening: Callable[[tuple[str, ...]], None]) -> None:
        # This process is the only one: whatever is leased was being sent when the last one died.
        if released := await self._store.release_leases():
            log.info("sending again what was interrupted", extra={"notifications": released})
        app = application(
            Served(
                store=self._store,
                clock=self._clock,
                metrics=self._metrics,
                config=lambda: self._config,
                keys=self._keys,
                enrichment=self._enrichment,
                showing=self._showing,
                verdicts=self._verdicts,
                tuner=self._tuner,
                learning=self._learning,
                overseer=self._overseer,
                truth=self._truth,
                notified=self._gatekeeper.wake,
                ready=self._why_not_ready,
                reload=self._watcher.reload,
            )
        )
        try:
            await self._watcher.reload()
            on_hangup(self._watcher.reload)
            await self._truth.start()
            async with (
                serve(app, self._options.listen, self._options.web_config_file) as addresses,
                asyncio.TaskGroup() as tasks,
            ):
                background = [
                    tasks.create_task(self._watcher.run()),
                    tasks.create_task(self._gatekeeper.run()),
                    tasks.create_task(probe_store(self._store, self._clock)),
                    tasks.create_task(self._auditor.follow()),
                    tasks.create_task(clean_daily(self._store, self._clock, lambda: self._config)),
                    tasks.create_task(
                        run_every(
                            "tune thresholds", lambda: LOOK_SECONDS, self._tuner.run, self._clock
                        )
                    ),
                    *(tasks.create_task(loop) for loop in self._truth.loops()),
                    *(tasks.create_task(loop) for loop in self._learning.loops()),
                ]
                log.info("listening", extra={"addresses": " ".join(addresses)})
                listening(addresses)
                await stop.wait()
                self._is_stopping = True
                for task in background:
                    task.cancel()
        finally:
            await self._dispatcher.close(SEND_GRACE_SECONDS)
            self._enrichment.close()
            self._tuner.close()
            self._auditor.close()
            self._learning.close()
            self._showing.close()
            self._overseer.close()
        log.info("stopped")

    async def _apply(self, text: str) -> None:
        path = str(self._options.config_file)
        config = load_config(text, path)
        if config.store.database != self._config.store.database:
            raise ConfigProblems(
                [
                    f"{path}: store.url: found {config.store.url!r}, while the daemon runs with "
                    f"{self._config.store.url!r}; restart it to change the store"
                ]
            )
        before, self._config = self._config if self._is_configured else None, config
        self._is_configured = True
        self._enrichment.prepare()
        await self._dispatcher.use(config.channels)
        self._gatekeeper.wake()
        await self._auditor.loaded(text, path, before)

    def _why_not_ready(self) -> str | None:
        if self._is_stopping:
            return "stopping"
        failure = self._store.failure
        return None if failure is None else f"the store cannot commit: {failure}"
