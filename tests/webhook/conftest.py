from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.webhook.bench import Bench, on_the_bench
from tests.webhook.knownprometheus import KnownPrometheus, known_prometheus
from tests.webhook.postgres import PostgresServer, database_of, running_postgres
from webhook.adapters.database import Database
from webhook.adapters.sqlite import SqliteFile
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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The store URL of an empty PostgreSQL database."""
    return postgres_server.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return SqliteFile(tmp_path / "data" / "webhook.db")
    return database_of(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnownPrometheus]:
    with known_prometheus(tmp_path_factory.mktemp("prometheus")) as started:
        yield started
