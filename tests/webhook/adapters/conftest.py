from collections.abc import Iterator

import pytest

from webhook.adapters.database import Database
from webhook.adapters.store import Store, open_store


@pytest.fixture
def store(any_database: Database) -> Iterator[Store]:
    """What the store promises, it promises on either database."""
    with open_store(any_database) as opened:
        yield opened
