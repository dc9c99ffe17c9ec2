"""A real PostgreSQL server on a socket in a temporary folder, to be stopped and started."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from quickstart.programs import postgres_program
from webhook.adapters.postgres import PostgresDatabase, postgres_url

# Nobody's data: what a commit costs on a disk is not what these tests are about.
_SETTINGS = """
listen_addresses = ''
fsync = off
max_connections = 100
shared_buffers = 16MB
"""


class PostgresServer:
    """A cluster of its own; each test gets a database of its own."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self.folder = folder
        self._user = user
        self._numbers = count(1)
        self._data = folder / "data"

    def create(self) -> None:
        """Make the cluster."""
        self._run("initdb", "--auth=trust", "--username=webhook", "--encoding=UTF8", "--no-sync")
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(f"{_SETTINGS}unix_socket_directories = '{self.folder}'\n")

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._run("pg_ctl", "start", "--wait", f"--log={self.folder / 'log'}")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; `immediate` is as good as pulling the plug."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return (self._data / "postmaster.pid").exists()

    def url(self, database: str) -> str:
        """Return the store URL of a database."""
        return f"postgresql://webhook@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """Create an empty database; return its store URL."""
        name = f"test{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    @staticmethod
    def _program(name: str) -> Path:
        path = postgres_program(name)
        assert path is not None, "PostgreSQL is not installed: make programs"
        return path

    @contextmanager
    def outlived_by_nobody(self) -> Iterator[None]:
        """Have the server stopped when this process ends, even by a kill.

        Its end of a pipe is closed then, whatever ended it; a server that was started for the tests
        would run for ever.
        """
        script = 'read _; "$0" stop --mode=immediate --pgdata="$1"; rm -rf "$2"'
        arguments = (self._program("pg_ctl"), self._data, self.folder)
        with subprocess.Popen(
            ["sh", "-c", script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Neither Ctrl-C nor the end of the group may end it first.
            start_new_session=True,
            **self._identity(),
        ):
            yield

    def _identity(self) -> dict[str, Any]:
        # The server refuses to run as root.
        if self._user is None:
            return {}
        group = pwd.getpwnam(self._user).pw_gid
        return {"user": self._user, "group": group, "extra_groups": ()}

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._program(program), *arguments, f"--pgdata={self._data}"],
            cwd=self.folder,
            **self._identity(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a server; its folder has a short name, as the path of a socket may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = None
    if os.geteuid() == 0:
        user = "nobody"
        shutil.chown(folder, user)
    server = PostgresServer(folder, user)
    with server.outlived_by_nobody():
        try:
            server.create()
            server.start()
            yield server
        finally:
            if server.is_running:
                server.stop()
            shutil.rmtree(folder)


def database_of(url: str) -> PostgresDatabase:
    """Return the database that a store URL names."""
    return PostgresDatabase(postgres_url(url))
