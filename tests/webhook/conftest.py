from collections.abc import Iterator
from pathlib import Path

import pytest

from webhook.adapters.store import Store, open_store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "webhook.db"


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with open_store(database) as opened:
        yield opened
