"""What did the series of an incident do? Asked of Prometheus twice, for learning, in no hurry.

Some minutes after it opened, or when it closes if that is earlier, and once more a quarter of an
hour after its end. What Prometheus cannot say now is asked later; one replica asks.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from prometheus_client import CollectorRegistry

from promkit.clock import Clock
from webhook.adapters.observermetrics import ObserverMetrics
from webhook.adapters.observing import Subject, observe
from webhook.adapters.peaks import Peaks, Span, highest
from webhook.adapters.prometheus import Prometheus, PrometheusError
from webhook.adapters.store import Store
from webhook.adapters.turns import take_turn
from webhook.adapters.unobserved import keep, keep_marks, unobserved, unobserved_marks
from webhook.asking import Asking
from webhook.config import WebhookConfig
from webhook.core.observation import Observation
from webhook.errors import StoreError

log = logging.getLogger(__name__)

OBSERVE_SECONDS = 30.0
REQUEST_SECONDS = 10.0
# In a storm twenty thousand incidents wait, and a round makes some dozens of requests.
MOST = 80
_MOST_GROUPS = 8
_AT_ONCE = 10
_APART = 300.0
_MARKS = 20
# A question that takes too long lets others go first.
_PATIENCE = 600.0
_TURN = "observer"
_TURN_SECONDS = 120.0


class Observer:
    """Looks at the series of incidents, and at the scores of missed marks.

    Parameters
    ----------
    store : incidents and what is known of them
    clock : time
    registry : takes metrics
    asking : whom to ask
    config : returns what is in force
    seconds : for each answer of Prometheus
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: CollectorRegistry,
        asking: Asking,
        config: Callable[[], WebhookConfig],
        seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = ObserverMetrics(registry)
        self._asking = asking
        self._config = config
        self._seconds = seconds
        self._later: dict[int, float] = {}
        self._later_marks: dict[int, float] = {}
        self._problem = ""

    async def run(self) -> None:
        """Look once at what is due; failures are logged once, and what failed stays due."""
        prometheus = self._asking.prometheus()
        if prometheus is None:
            return
        try:
            if await self._is_our_turn():
                await self._marks(prometheus)
                await self._incidents(prometheus)
        except (PrometheusError, StoreError) as error:
            if str(error) != self._problem:
                log.warning("cannot look at incidents", extra={"problem": str(error)})
            self._problem = str(error)
        else:
            self._problem = ""

    async def _is_our_turn(self) -> bool:
        if not self._store.is_shared:
            return True
        now = self._clock.now()
        until = await self._store.write(
            lambda connection: take_turn(
                connection, _TURN, self._store.instance, now, _TURN_SECONDS
            )
        )
        return until > now

    async def _marks(self, prometheus: Prometheus) -> None:
        now = self._clock.now()
        self._later_marks = {number: at for number, at in self._later_marks.items() if at > now}
        most = _MARKS + len(self._later_marks)
        marks = await self._store.read(lambda connection: unobserved_marks(connection, now, most))
        for number, span in marks.items():
            if number not in self._later_marks:
                peaks = await self._peaks(prometheus, number, span, now)
                await self._store.write(partial(keep_marks, marks=[number], peaks=peaks, now=now))

    async def _peaks(
        self, prometheus: Prometheus, number: int, span: Span, now: float
    ) -> dict[int, Peaks]:
        """Return what is known of a mark; of a week of many series Prometheus may not tell."""
        try:
            found = await highest(prometheus, {"mark": span}, now, self._seconds)
        except PrometheusError as error:
            self._metrics.failed(error.reason)
            if error.reason == "timeout":
                self._later_marks[number] = now + _PATIENCE
            if not _is_about_what_was_asked(error):
                raise
            more = {"mark": number, "problem": str(error)}
            log.warning("nothing can be learned of a mark", extra=more)
            return {}
        return {number: found["mark"]} if found else {}

    async def _incidents(self, prometheus: Prometheus) -> None:
        now = self._clock.now()
        self._later = {number: at for number, at in self._later.items() if at > now}
        names = self._config().tuning.alertnames
        due, has_more = await self._store.read(
            lambda connection: unobserved(connection, names, now, MOST + len(self._later))
        )
        self._metrics.waiting(has_more=has_more)
        for group in grouped([each for each in due if each.id not in self._later]):
            try:
                found = await self._asked(prometheus, group, now)
            except PrometheusError as error:
                if error.reason != "timeout":
                    raise
                self._later |= {each.id: now + _PATIENCE for each in group}
                raise
            await self._store.write(partial(keep, found=found))
            self._metrics.observed(len(found))

    async def _asked(
        self, prometheus: Prometheus, group: Sequence[Subject], now: float
    ) -> list[Observation]:
        """Return what is known; where one question spoils the rest, it alone gets no answer."""
        try:
            return await observe(prometheus, group, now, self._seconds)
        except PrometheusError as error:
            self._metrics.failed(error.reason)
            if not _is_about_what_was_asked(error):
                raise
            if len(group) == 1:
                more = {"incident": group[0].id, "problem": str(error)}
                log.warning("nothing can be learned of an incident", extra=more)
                return [group[0].known or Observation(group[0].id, now)]
        half = len(group) // 2
        return [
            *await self._asked(prometheus, group[:half], now),
            *await self._asked(prometheus, group[half:], now),
        ]


def grouped(subjects: Sequence[Subject]) -> list[list[Subject]]:
    """Return those of one time together, the first first; what is left waits."""
    groups: list[list[Subject]] = []
    for each in subjects:
        for group in groups:
            if len(group) < _AT_ONCE and abs(group[0].alerted_at - each.alerted_at) <= _APART:
                group.append(each)
                break
        else:
            if len(groups) < _MOST_GROUPS:
                groups.append([each])
    return groups


def _is_about_what_was_asked(error: PrometheusError) -> bool:
    """Tell whether another question may be answered: Prometheus itself is well."""
    return error.reason == "too_large" or str(error).startswith(("HTTP 400:", "HTTP 422:"))
