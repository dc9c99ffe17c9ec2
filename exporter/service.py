"""The exporter as a daemon: builds the parts, runs the loops, reloads, drains."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from exporter import __version__
from exporter.adapters import checkpoint
from exporter.adapters.anomalies import Anomalies, Wanted
from exporter.adapters.checkpoint import Saved, States
from exporter.adapters.exposition import Page
from exporter.adapters.memory import memory_in_use
from exporter.adapters.pagerows import Overview, Problem
from exporter.adapters.prometheus import PrometheusSource, address_of
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.adapters.web import create_app, drift_routes, model_routes
from exporter.config import Config, QueryConfig, parse_config
from exporter.detectors import ALL
from exporter.errors import ConfigError, StateError
from exporter.loops.beside import Beside
from exporter.loops.compiling import compile_kernels, follow
from exporter.loops.queryloop import QueryLoop
from exporter.loops.runner import QueryRunner
from exporter.plan import Plan
from exporter.planning import fingerprint
from promkit.clock import Clock
from promkit.errors import ConfigProblems
from promkit.httpconfig import requests_session
from promkit.lifecycle import on_hangup
from promkit.log import Logs
from promkit.logmetrics import LogMetrics
from promkit.reload import ConfigWatcher
from promkit.web import lifecycle_routes, serve

log = logging.getLogger(__name__)

COMPUTE_THREADS = 4


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Parameters
    ----------
    config_file : the YAML
    listen : addresses to serve HTTP on
    web_config_file : TLS and basic auth, or None
    logs : what is logged, for the metrics
    """

    config_file: Path
    listen: Sequence[str]
    web_config_file: Path | None = None
    logs: Logs | None = None


class Service:
    """All parts of a running exporter; `run` lives until `stop` is set.

    Parameters
    ----------
    options : the command line
    clock : paces the evaluations
    """

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._metrics = SelfMetrics(__version__, [kind().name for kind in ALL])
        if options.logs is not None:
            self._metrics.add(LogMetrics("anomaly_exporter", options.logs))
        self._pool = ThreadPoolExecutor(COMPUTE_THREADS, thread_name_prefix="compute")
        self._beside = Beside(clock, self._pool, self._metrics)
        self._page = Page()
        self._loops: dict[str, QueryLoop] = {}
        self._config: Config | None = None
        self._compiling: asyncio.Task[None] | None = None
        self._saving = asyncio.Lock()
        self._state_bytes: int | None = None
        self._unsaved: str | None = None
        self._watcher = watcher = ConfigWatcher(options.config_file, self._apply, clock)
        self._metrics.config_last_reload_successful.set_function(
            lambda: watcher.last_reload_successful
        )
        self._metrics.config_last_reload_success_timestamp_seconds.set_function(
            lambda: watcher.last_reload_success_timestamp
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`.

        Raises
        ------
        ConfigProblems
            The configuration cannot be used at the start.
        StateTooNew
            A newer version wrote the state file.
        OSError
            An address cannot be bound.
        """
        background: list[asyncio.Task[None]] = []
        try:
            await self._watcher.reload()
            on_hangup(self._watcher.reload)
            app = create_app(
                self._render,
                self._overview,
                self._anomalies,
                [
                    *lifecycle_routes(self._why_not_ready, self._watcher.reload),
                    *drift_routes(self._beside.drifting.retake),
                    *model_routes(self._beside.refitting.refit, self._beside.refitting.roll_back),
                ],
            )
            async with serve(app, self._options.listen, self._options.web_config_file) as bound:
                log.info("listening", extra={"addresses": ",".join(bound)})
                background = [
                    asyncio.create_task(self._watcher.run()),
                    asyncio.create_task(self._save_regularly()),
                ]
                await stop.wait()
        finally:
            for task in background:
                task.cancel()
            await self._stop_loops()
            if self._compiling is not None:
                await self._compiling
            await self._save()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._beside.dismiss()

    async def _apply(self, text: str) -> None:
        """Take a configuration into use as a whole, or raise and change nothing."""
        try:
            config = parse_config(text, str(self._options.config_file))
            source = PrometheusSource(config.prometheus.url, requests_session(config.prometheus))
        except ConfigError as error:
            raise ConfigProblems(error.problems) from error
        queries = {query.name: query for query in config.all_queries()}
        if self._compiling is not None:
            await self._compiling
        if self._config is None:
            saved = await asyncio.to_thread(self._restore, config.state.path, queries)
        else:
            await self._stop_loops()
            async with self._saving:  # which reads what the next evaluations will write to
                saved = Saved(self._states())
        scored = {name: query for name, query in queries.items() if query.detectors}
        for name in self._loops.keys() - scored.keys():
            self._metrics.forget(name)
        loops: dict[str, QueryLoop] = {}
        for name, query in scored.items():
            known = saved.queries.get(name)
            state = known[1] if known and known[0] == fingerprint(query) else None
            runner = QueryRunner(
                query,
                source,
                state,
                self._observe_phase,
                self._clock.monotonic,
                self._beside.at_present,
            )
            loops[name] = QueryLoop(
                runner,
                config.evaluation_interval,
                clock=self._clock,
                pool=self._pool,
                metrics=self._metrics,
            )
            if state is not None and name in self._loops:
                loops[name].succeed(self._loops[name])
        # As a whole, since a scrape's thread may be reading the old ones.
        self._config, self._loops = config, loops
        runners = {name: loop.runner for name, loop in loops.items()}
        self._beside.take(config, queries, runners, source, saved.forecasts)
        self._compiling = asyncio.create_task(
            self._compile([runner.plan for runner in runners.values()])
        )
        for loop in loops.values():
            loop.start(self._compiling)
        self._beside.start(self._compiling, {name: loop.tried for name, loop in loops.items()})

    def _restore(self, path: Path | None, queries: Mapping[str, QueryConfig]) -> Saved:
        """Return what is known from before the exporter was started."""
        saved = checkpoint.restore(path, queries)
        return self._beside.refitting.recover(path, queries, saved)

    async def _compile(self, plans: Sequence[Plan]) -> None:
        """Have the kernels ready before the first evaluations, which wait for it."""
        work = self._pool.submit(compile_kernels, plans)
        await follow(work, self._clock, "detectors", "evaluations")
        await self._beside.until_masked()  # a look-back is not to learn from known incidents

    def _render(self) -> Iterator[bytes]:
        """Yield the page of what is published at this instant; runs on a scrape's threads."""
        published = [loop.published for loop in self._loops.values()]
        pieces = self._page.render(
            [one for one in published if one is not None],
            self._beside.forecasting.outlooks(),
            self._beside.drifting.drifts(),
        )
        busy = 0.0
        while True:
            began = self._clock.monotonic()
            piece = next(pieces, None)
            busy += self._clock.monotonic() - began  # not the time that the client takes to read
            if piece is None:
                break
            yield piece
        self._observe_phase("render", busy)
        yield self._metrics.render()

    def _overview(self) -> Overview:
        config = self._config
        unsaved = [] if self._unsaved is None else [Problem("state file", self._unsaved, "state")]
        return Overview(
            version=__version__,
            now=self._clock.now(),
            rows=self._beside.rows([loop.row() for loop in self._loops.values()]),
            problems=[*unsaved, *self._beside.problems()],
            prometheus="" if config is None else f"{address_of(config.prometheus.url)}/",
            docs_url=None if config is None else config.docs_url,
            verdicts_read=self._beside.verdicts_read(),
            memory=memory_in_use(),
            state_bytes=self._state_bytes,
        )

    def _anomalies(self, wanted: Wanted) -> Anomalies:
        """Return the worst anomalies of all queries; runs on a scrape's threads."""
        found = [
            loop.anomalies(wanted.limit)
            for name, loop in self._loops.items()
            if wanted.query in (None, name)
        ]
        worst = [each for one in found for each in one.worst]
        worst.sort(key=lambda each: -each.score)
        return Anomalies(sum(one.total for one in found), worst[: wanted.limit])

    def _why_not_ready(self) -> str | None:
        waiting = [name for name, loop in self._loops.items() if not loop.tried.is_set()]
        return f"first evaluation of {', '.join(waiting)} still running" if waiting else None

    async def _stop_loops(self) -> None:
        await asyncio.gather(self._beside.stop(), *(loop.stop() for loop in self._loops.values()))

    def _states(self) -> States:
        return {
            name: (loop.runner.fingerprint, loop.runner.state) for name, loop in self._loops.items()
        }

    async def _save_regularly(self) -> None:
        while True:
            await self._clock.sleep(self._config.state.interval if self._config else 60.0)
            await self._save()

    async def _save(self) -> None:
        """Write the state file; a failure costs warmth at the next start, nothing else."""
        if self._config is None or self._config.state.path is None:
            return
        began = self._clock.monotonic()
        try:
            async with self._saving:
                size = await asyncio.to_thread(self._store, self._config.state.path)
        except StateError as error:
            log.error("state not saved", extra={"error": error})
            self._unsaved = str(error)
            return
        self._state_bytes, self._unsaved = size, None
        self._metrics.state_bytes.set(size)
        self._observe_phase("save", self._clock.monotonic() - began)

    def _store(self, path: Path) -> int:
        """Write all states, which no evaluation may change meanwhile; return the file's size."""
        loops = self._loops
        with ExitStack() as stack:
            states = {
                name: (loop.runner.fingerprint, stack.enter_context(loop.runner.held()))
                for name, loop in loops.items()
            }
            return checkpoint.store(path, Saved(states, self._beside.forecasting.states()))

    def _observe_phase(self, phase: str, seconds: float) -> None:
        self._metrics.phase_duration_seconds.labels(phase).observe(seconds)
