from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.webhook.bench import Bench, on_the_bench
from webhook.adapters.store import Store, open_store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "webhook.db"


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with open_store(database) as opened:
        yield opened


@pytest.fixture
async def bench(store: Store) -> AsyncIterator[Bench]:
    async with on_the_bench(store) as built:
        yield built
