"""Who moves thresholds, and when? A verdict at once, a loop what a verdict left, and every Sunday.

The loop also takes raises back that hid what people mark as missed.

Whatever is decided here is decided again within the transaction that writes it, and these run one
after the other over all replicas: a batch counts once, however many people click.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Row

from promkit.clock import Clock
from webhook.adapters.factstore import get_fact, put_fact
from webhook.adapters.hidden import has_news, take_back
from webhook.adapters.prometheus import PrometheusError
from webhook.adapters.store import Store
from webhook.adapters.thresholdmetrics import threshold_metrics
from webhook.adapters.thresholds import (
    Change,
    Written,
    apply,
    key_of,
    list_thresholds,
    ratio_of,
    steps_of,
)
from webhook.adapters.verdictpast import SeriesTally, past_of, rated_queries, series_of, tallies
from webhook.asking import Asking
from webhook.config import WebhookConfig
from webhook.core.thresholds import (
    BATCH,
    UP,
    WINDOWS,
    Rate,
    Rated,
    bounded,
    hidden_words,
    is_safe,
    last_sunday,
    progress_words,
    rate_of,
)
from webhook.errors import StoreError
from webhook.rehearsal import Rehearsal
from webhook.weigher import Weigher

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
# Somebody waits for the page; what takes longer is left to the loop.
_PAGE_SECONDS = 3.0
_LOOP_SECONDS = 30.0
_LATER = "ten false alarms for this series; its threshold is looked at within a minute"
_FACT = "thresholds_weekly_at"
_ACTOR = "tuning"


class Tuner:
    """Moves thresholds as verdicts come.

    Parameters
    ----------
    store : verdicts and thresholds
    clock : time
    registry : takes metrics
    config : returns what is in force
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: CollectorRegistry,
        config: Callable[[], WebhookConfig],
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._metrics = threshold_metrics(registry, lambda: store.read_here(list_thresholds))
        self._asking = Asking(config)
        self._rehearsal = Rehearsal(store, clock, config, self._asking)
        self.weigher = Weigher(store, clock, registry, config, self._asking)
        self._one_at_a_time = asyncio.Lock()

    def close(self) -> None:
        """Let go of the threads."""
        self._asking.close()

    def changed(self, written: Written) -> None:
        """Count and log a change."""
        is_applied = written.action != "threshold_proposed"
        if written.action != "threshold_kept":
            self._metrics.changed(written.reason, is_applied=is_applied)
        more = {"query": written.query, "change": written.id, "what": written.words}
        log.info("threshold", extra=more)

    def follows(self) -> str:
        """Say what follows for thresholds from a mark that an alert was missed."""
        has_prometheus = self._asking.prometheus() is not None
        return hidden_words(is_enabled=self._config().tuning.enabled, has_prometheus=has_prometheus)

    async def told(self, incident: Row[Any]) -> str:
        """Do what the verdict on an incident asks for; return in words what that was."""
        tuning = self._config().tuning
        if not tuning.enabled:
            return "verdicts move no thresholds here (tuning.enabled)"
        if incident.alertname not in tuning.alertnames or not incident.query:
            return "this alert does not come from a score, so no threshold is moved"
        place = (incident.query, key_of(series_of(incident.labels, tuning.external_labels)))
        said = await self._told(place)
        weights = await self.weigher.told(incident.query)
        return f"{said}; {weights}" if weights else said

    async def _told(self, place: tuple[str, str]) -> str:
        try:
            return await self._consider(place, _PAGE_SECONDS)
        except PrometheusError as error:
            log.warning("no replay yet", extra={"query": place[0], "problem": str(error)})
        except StoreError as error:
            log.warning("no threshold is moved yet", extra={"problem": str(error)})
        return _LATER

    async def run(self) -> None:
        """Do once what is due: missed marks, batches that are full, and on Sundays the rates."""
        if not self._config().tuning.enabled:
            return
        try:
            await self._take_back()
            for place, found in (await self._tallies(None)).items():
                if found.tally.batch:
                    await self._consider(place, _LOOP_SECONDS, must_decide=True)
            await self._weekly()
        except StoreError as error:
            log.warning("no threshold is moved", extra={"problem": str(error)})
        await self.weigher.run()

    async def _take_back(self) -> None:
        """Lower what hid an alert that people marked as missed."""
        if await self._store.read(has_news):
            now = self._clock.now()
            for written in await self._store.write(lambda c: take_back(c, _ACTOR, now)):
                self.changed(written)

    async def _tallies(self, query: str | None) -> dict[tuple[str, str], SeriesTally]:
        return await self._store.read(lambda connection: self._read(connection, query))

    def _read(
        self, connection: Connection, query: str | None
    ) -> dict[tuple[str, str], SeriesTally]:
        tuning = self._config().tuning
        return tallies(connection, tuning.alertnames, tuning.external_labels, query)

    async def _consider(
        self, place: tuple[str, str], seconds: float, *, must_decide: bool = False
    ) -> str:
        """Raise the threshold of a series if it has ten new false alarms."""
        found = (await self._tallies(place[0])).get(place)
        if found is None or not found.tally.batch:
            return progress_words(0 if found is None else found.tally.count)
        try:
            async with asyncio.timeout(seconds):
                await self._one_at_a_time.acquire()
        except TimeoutError:
            # The loop replays another one, and may take longer than a page should.
            return _LATER
        try:
            return await self._raise(place, seconds, must_decide=must_decide)
        finally:
            self._one_at_a_time.release()

    async def _raise(self, place: tuple[str, str], seconds: float, *, must_decide: bool) -> str:
        found = (await self._tallies(place[0])).get(place)
        if found is None or not found.tally.batch:
            return progress_words(0 if found is None else found.tally.count)
        labels = found.labels or found.series
        lately = await self._rehearsal.lately(place[0], labels, place[1])
        try:
            replay, resolved = await self._rehearsal.replay(lately, UP, seconds)
        except PrometheusError as error:
            if not must_decide:
                raise
            log.warning("no replay is possible", extra={"problem": str(error)})
            replay, resolved = None, None
        labels = resolved or labels
        is_applied, why = is_safe(replay, lately.confirmed)
        now = self._clock.now()
        is_applied = is_applied or self._config().tuning.apply_losses

        def write(connection: Connection) -> Written | None:
            # Another replica may have been faster, or somebody changed a verdict.
            again = self._read(connection, place[0]).get(place)
            if again is None or again.tally.batch != found.tally.batch:
                return None
            change = Change(
                query=place[0],
                series=again.series,
                labels=labels,
                after=ratio_of(connection, place[0], labels) * UP,
                reason="false_alarms",
                actor=_ACTOR,
                why=f"{BATCH} false alarms; {why}",
                incidents=again.tally.batch,
                replay=replay,
                is_applied=is_applied,
            )
            return apply(connection, change, now)

        written = await self._store.write(write)
        if written is None:
            return "another verdict was faster; its threshold is looked at within a minute"
        self.changed(written)
        return f"{BATCH} of {BATCH} false alarms for this series: {written.words}"

    async def _weekly(self) -> None:
        """Judge the rates of all queries, once for each Sunday."""
        now, zone = self._clock.now(), self._config().timezone
        due = last_sunday(now, zone)
        done = await self._store.read(lambda connection: get_fact(connection, _FACT))
        if done is not None and float(done) >= due:
            return
        names = self._config().tuning.alertnames
        queries = await self._store.read(
            lambda connection: rated_queries(connection, names, now - WINDOWS[-1])
        )
        for query in queries:
            await self._weekly_of(query, zone)
        await self._store.write(lambda connection: put_fact(connection, _FACT, due, now))

    async def _weekly_of(self, query: str, zone: str) -> None:
        now = self._clock.now()
        rate = await self._store.read(lambda connection: self._rate(connection, query, zone, now))
        if rate is None or rate.factor == 1.0:
            return
        lately = await self._rehearsal.lately(query, {}, None)
        if bounded(lately.ratio * rate.factor) == lately.ratio:
            return
        replay, is_applied = None, True
        why = f"{rate.false_alarms} of {rate.judged} judged incidents of {rate.window_days} days"
        why += " were false alarms"
        if rate.factor > 1.0:
            try:
                replay, _ = await self._rehearsal.replay(lately, rate.factor, _LOOP_SECONDS)
            except PrometheusError as error:
                log.warning("no replay is possible", extra={"problem": str(error)})
            is_applied, words = is_safe(replay, lately.confirmed)
            is_applied = is_applied or self._config().tuning.apply_losses
            why += f"; {words}"

        def write(connection: Connection) -> Written | None:
            # Another replica may have been faster: then nothing has happened since its change.
            again = self._rate(connection, query, zone, now)
            if again is None or again.factor != rate.factor:
                return None
            after = ratio_of(connection, query, {}) * rate.factor
            change = Change(query, {}, {}, after, "weekly", _ACTOR, why, (), replay, is_applied)
            return apply(connection, change, now)

        written = await self._store.write(write)
        if written is not None:
            self.changed(written)

    def _rate(self, connection: Connection, query: str, zone: str, now: float) -> Rate | None:
        names = self._config().tuning.alertnames
        steps = steps_of(connection, query, {})
        rated = [
            Rated(each.id, each.opened_at, each.verdict == "false_alarm")
            for each in past_of(connection, query, names, now - WINDOWS[-1])
            if each.verdict in ("false_alarm", "confirmed")
        ]
        return rate_of(rated, now, steps[-1].at if steps else 0.0, zone)
