"""Of several replicas one has the turn, whatever clocks and kills do."""

import pytest

from tests.webhook.deliveries import NOW
from webhook.adapters.factstore import put_fact
from webhook.adapters.store import Store
from webhook.adapters.turns import take_turn


@pytest.mark.parametrize(
    ("instance", "until", "is_ours"),
    [
        ("other", NOW + 1, False),
        ("other", NOW, True),
        ("other", NOW + 121, True),  # its clock was ahead, and it died
        ("own", NOW + 30, True),
        ("own", NOW + 9_000, True),
    ],
)
async def test_who_has_the_turn(store: Store, instance: str, until: float, is_ours: bool) -> None:
    held = {"instance": instance, "until": until}
    await store.write(lambda connection: put_fact(connection, "job", held, NOW - 30))

    got = await store.write(lambda connection: take_turn(connection, "job", "own", NOW, 60.0))

    assert got == (NOW + 60.0 if is_ours else 0.0)


async def test_the_first_has_the_turn_and_the_second_waits(store: Store) -> None:
    one = await store.write(lambda connection: take_turn(connection, "job", "one", NOW, 60.0))
    two = await store.write(lambda connection: take_turn(connection, "job", "two", NOW + 1, 60.0))
    other = await store.write(lambda connection: take_turn(connection, "else", "two", NOW, 60.0))
    assert (one, two, other) == (NOW + 60.0, 0.0, NOW + 60.0)
