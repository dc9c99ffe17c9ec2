"""A running application for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.webhook.web.site import Site, running
from webhook.adapters.store import Store


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    async with running(store) as started:
        yield started
