"""What would a higher threshold have done to the alarms of the last 14 days?"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from promkit.clock import Clock
from webhook.adapters.prometheus import PrometheusError
from webhook.adapters.replay import Seen, replayed
from webhook.adapters.store import Store
from webhook.adapters.thresholds import Labels, key_of, ratio_of, steps_of
from webhook.adapters.verdictpast import Past, past_of, series_of
from webhook.asking import Asking
from webhook.config import WebhookConfig
from webhook.core.thresholds import (
    CAUTION_SECONDS,
    REPLAY_SECONDS,
    Replay,
    bounded,
    ratio_at,
)


@dataclass(frozen=True, slots=True)
class Lately:
    """What there was of a series or query, and how its ratio came to be what it is."""

    past: Sequence[Past]
    confirmed: int
    ratio: float
    factor: Callable[[Past], float]


class Rehearsal:
    """Tries changes on the past.

    Parameters
    ----------
    store : what alerted, and what people said of it
    clock : time
    config : returns what is in force
    asking : knows whom to ask what scores there were
    """

    def __init__(
        self, store: Store, clock: Clock, config: Callable[[], WebhookConfig], asking: Asking
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._asking = asking

    async def lately(self, query: str, labels: Labels, key: str | None) -> Lately:
        """Return what there was of a query, or of one series of it."""
        tuning, now = self._config().tuning, self._clock.now()

        def read(connection: Connection) -> Lately:
            past = [
                each
                for each in past_of(connection, query, tuning.alertnames, now - CAUTION_SECONDS)
                if key is None or key_of(series_of(each.labels, tuning.external_labels)) == key
            ]
            ratio, steps = ratio_of(connection, query, labels), steps_of(connection, query, labels)
            recent = [each for each in past if each.opened_at >= now - REPLAY_SECONDS]
            # Those that must not be lost first, should there be too many to look at.
            recent.sort(key=lambda each: each.verdict != "confirmed")
            confirmed = sum(each.verdict == "confirmed" for each in past)
            return Lately(
                recent,
                confirmed,
                ratio,
                lambda each: ratio / ratio_at(steps, ratio, each.opened_at),
            )

        return await self._store.read(read)

    async def replay(
        self, lately: Lately, factor: float, seconds: float
    ) -> tuple[Replay | None, Labels | None]:
        """Return what a change would have done, and the labels of the newest series.

        Raises
        ------
        PrometheusError
            If there is a Prometheus, and it does not answer in time.
        """
        prometheus = self._asking.prometheus()
        if prometheus is None or not lately.past:
            return None, None
        is_bounded = bounded(lately.ratio * factor) / lately.ratio
        seen: dict[int, Seen] = {}
        try:
            async with asyncio.timeout(seconds):
                seen = await replayed(
                    prometheus,
                    lately.past,
                    lambda each: lately.factor(each) * is_bounded,
                    self._clock.now(),
                    seconds,
                )
        except TimeoutError:
            raise PrometheusError("timeout", f"no answer within {seconds:.1f} s") from None
        if not seen:
            return None, None
        gone = [each for each in lately.past if each.id in seen and not seen[each.id].would_come]
        replay = Replay(
            alarms=len(lately.past),
            gone=tuple(sorted(each.id for each in gone)),
            lost=tuple(sorted(each.id for each in gone if each.verdict == "confirmed")),
            unknown=tuple(
                sorted(
                    each.id
                    for each in lately.past
                    if each.verdict == "confirmed" and each.id not in seen
                )
            ),
        )
        return replay, seen[max(seen)].labels
