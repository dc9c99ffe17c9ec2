"""What only a PostgreSQL database has: a server that goes away, a password, and other replicas."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from tests.webhook.adapters.storing import bring_to, record, rows
from tests.webhook.deliveries import NOW, alert
from tests.webhook.postgres import PostgresServer, database_of, running_postgres
from webhook.adapters.database import current_revision, migrate, newest_revision, try_lock
from webhook.adapters.postgres import PostgresDatabase, postgres_url
from webhook.adapters.schema import incidents
from webhook.adapters.store import Store, open_store
from webhook.errors import StoreUnavailable, StoreUnusable


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    with running_postgres() as started:
        yield started


@pytest.fixture
def shared(postgres_url: str) -> PostgresDatabase:
    return database_of(postgres_url)


@pytest.fixture
def replicas(shared: PostgresDatabase) -> Iterator[tuple[Store, Store]]:
    with open_store(shared) as first, open_store(shared) as second:
        yield first, second


async def test_a_server_that_was_restarted_is_found_again(server: PostgresServer) -> None:
    with open_store(database_of(server.new_database())) as store:
        await record(store, alert())
        await asyncio.to_thread(server.stop, "immediate")
        with pytest.raises(StoreUnavailable, match=r"cannot commit: .*connection to server"):
            await record(store, alert(fingerprint="b"))
        assert store.failure is not None
        with pytest.raises(StoreUnavailable, match=r"cannot read: .*connection to server"):
            await rows(store, incidents)
        await asyncio.to_thread(server.start)
        await store.probe()

        assert store.failure is None
        await record(store, alert(fingerprint="c"))
        assert [row.fingerprint for row in await rows(store, incidents)] == ["abc", "c"]


async def test_replicas_see_one_incident_and_lease_each_notification_once(
    replicas: tuple[Store, Store],
) -> None:
    names = [f"f{i}" for i in range(20)]
    await asyncio.gather(
        *(record(store, alert(fingerprint=name)) for name in names for store in replicas)
    )
    claims = await asyncio.gather(
        *(store.claim("chat", NOW, 3) for _ in range(7) for store in replicas)
    )

    assert len(await rows(replicas[0], incidents)) == 20
    claimed = [item.id for claim in claims for item in claim.claimed]
    assert len(claimed) == len(set(claimed)) == 20


async def test_the_lease_of_another_replica_is_not_given_back(
    replicas: tuple[Store, Store],
) -> None:
    first, second = replicas
    await record(first, alert())
    assert len((await first.claim("chat", NOW, 1)).claimed) == 1

    assert await second.release_leases() == 0
    await second.give_back("chat")
    assert (await second.claim("chat", NOW, 1)).claimed == ()
    await first.give_back("chat")
    assert len((await second.claim("chat", NOW, 1)).claimed) == 1


async def test_what_one_replica_does_the_other_leaves_alone(shared: PostgresDatabase) -> None:
    """The lock of a loop is taken on connections that do not wait for each other."""
    readers = shared.reading_engine()
    with readers.begin() as first, readers.begin() as second:
        assert try_lock(first, "gate")
        assert not try_lock(second, "gate")
        assert try_lock(second, "reconcile")
    with readers.begin() as third:
        assert try_lock(third, "gate"), "it ends with the transaction"
    readers.dispose()


async def test_a_replica_that_stalls_in_a_transaction_does_not_stop_the_other(
    replicas: tuple[Store, Store],
) -> None:
    """The statement that waits for its turn is cut off; Alertmanager is asked to try again."""
    first, second = replicas
    entered, go = threading.Event(), threading.Event()

    def stall(connection: Connection) -> None:
        entered.set()
        assert go.wait(30)

    stalling = asyncio.create_task(first.write(stall))
    await asyncio.to_thread(entered.wait, 10)
    with pytest.raises(StoreUnavailable, match="statement timeout"):
        await record(second, alert())
    go.set()
    await stalling
    await record(second, alert())


def test_two_replicas_that_start_at_once_make_the_tables_once(shared: PostgresDatabase) -> None:
    bring_to(shared, "0001")
    threads = [threading.Thread(target=migrate, args=(shared,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    engine = shared.reading_engine()
    with engine.connect() as connection:
        assert current_revision(connection) == newest_revision()
    engine.dispose()


async def test_a_server_that_may_lose_commits_is_told_not_to(shared: PostgresDatabase) -> None:
    name = shared.url.database
    with psycopg.connect(shared.name, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")

    with open_store(shared) as store:
        setting = await store.write(
            lambda connection: connection.execute(text("SHOW synchronous_commit")).scalar_one()
        )
    assert setting == "on"


def test_a_database_that_cannot_hold_every_character_is_refused(
    postgres_server: PostgresServer,
) -> None:
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")

    with (
        pytest.raises(StoreUnusable, match="has the encoding LATIN1; create it with ENCODING"),
        open_store(database_of(postgres_server.url("latin"))),
    ):
        pass


def test_what_cannot_be_opened_says_what_to_check(postgres_server: PostgresServer) -> None:
    with (
        pytest.raises(StoreUnusable, match=r'"nowhere" does not exist; check that the server runs'),
        open_store(database_of(postgres_server.url("nowhere"))),
    ):
        pass


def test_the_password_is_read_anew_and_never_shown(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = postgres_server.new_database()
    file = tmp_path / "password"
    database = PostgresDatabase(postgres_url(url), file)
    with (
        pytest.raises(StoreUnavailable, match=r"store\.password_file: secret file .*No such file"),
        open_store(database),
    ):
        pass
    file.write_text("s3cr3t\n")
    with open_store(database) as store:
        pool = str(store.read_here(lambda connection: connection.engine.url))
    assert "s3cr3t" not in pool + database.name + repr(database)


def test_without_the_driver_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from webhook.config import load_config\n"
        "load_config('store: {url: postgresql://me@host/db}', 'webhook.yml')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "its driver is not installed" in done.stderr
    assert "pip install 'anomaly-exporter[postgres]'" in done.stderr
