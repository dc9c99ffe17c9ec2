"""Hours of alarms that were counted stay counted: for a month, and whatever clocks do."""

from functools import partial

from sqlalchemy import Connection

from tests.webhook.deliveries import NOW
from webhook.adapters.shadowalarms import (
    STRETCH,
    Counted,
    next_stretch,
    read_counted,
    write_counted,
)
from webhook.adapters.store import Store
from webhook.core.shadow import Alarms, Variant

HOUR, DAY = 3600.0, 86_400.0


def test_stretches_follow_each_other_to_now() -> None:
    assert next_stretch(Counted("", 0.0), DAY) == (0.0, HOUR)
    assert next_stretch(Counted("", STRETCH - 60), DAY) == (STRETCH - 60, STRETCH)
    assert next_stretch(Counted("", STRETCH), STRETCH + 960) == (STRETCH, STRETCH + 900)
    assert next_stretch(Counted("", STRETCH), STRETCH + 950) is None


async def test_counts_are_kept_for_a_month_and_for_one_variant(store: Store) -> None:
    careful = Variant("careful", 1.2)

    def work(connection: Connection) -> list[bool]:
        told = []
        known = read_counted(connection, careful, NOW)
        assert known.until == NOW - 7 * DAY
        for day in range(40):
            at = NOW - 7 * DAY + day * DAY
            after = known.and_then(at, at + DAY, {"cpu": Alarms(2, 1.0)})
            told.append(write_counted(connection, careful, known, after, at + DAY))
            # Another replica that had counted the same comes too late.
            told.append(write_counted(connection, careful, known, after, at + DAY))
            known = read_counted(connection, careful, at + DAY)
        assert len(known.stretches) == 30
        assert known.within("cpu", known.until - 6.5 * DAY) == Alarms(12, 6.0)
        return told

    told = await store.write(work)
    assert told == [True, False] * 40
    later = NOW + 33 * DAY
    for other in (Variant("careful", 1.3), Variant("careful", 1.2, ("cpu",))):
        fresh = await store.read(partial(read_counted, variant=other, now=later))
        assert not fresh.stretches


async def test_the_first_hour_of_a_variant_is_kept_though_time_goes_on_meanwhile(
    store: Store,
) -> None:
    careful = Variant("careful", 1.2)

    def work(connection: Connection, now: float) -> bool:
        known = read_counted(connection, careful, now)
        until = known.until + HOUR
        after = known.and_then(known.until, until, {"cpu": Alarms(2, 0.04)})
        # Prometheus took a second to answer.
        if not write_counted(connection, careful, known, after, now + 1):
            return False
        return read_counted(connection, careful, now + 1).until == until

    # Of one that is new, and after nobody has counted for longer than is looked back.
    for now in (NOW, NOW + 20 * DAY):
        assert await store.write(partial(work, now=now))


async def test_a_clock_that_was_ahead_does_not_stop_the_counting(store: Store) -> None:
    careful = Variant("careful", 1.2)

    def work(connection: Connection) -> Counted:
        ahead = NOW + 300 * DAY
        wrong = read_counted(connection, careful, ahead)
        write_counted(connection, careful, wrong, wrong.and_then(ahead, ahead, {}), ahead)
        known = read_counted(connection, careful, NOW)
        after = known.and_then(known.until, known.until + HOUR, {"cpu": Alarms(1, 0.04)})
        assert write_counted(connection, careful, known, after, NOW)
        return read_counted(connection, careful, NOW)

    known = await store.write(work)
    assert (known.until, len(known.stretches)) == (NOW - 7 * DAY + HOUR, 1)
