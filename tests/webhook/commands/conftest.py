from pathlib import Path

import pytest

from webhook.adapters.database import Database
from webhook.adapters.postgres import PostgresDatabase
from webhook.adapters.sqlite import SqliteFile


@pytest.fixture
def config(any_database: Database, tmp_path: Path) -> Path:
    """A configuration that names an empty database of either kind."""
    path = tmp_path / "webhook.yml"
    if isinstance(any_database, SqliteFile):
        url = f"sqlite:///{any_database.path}"
    else:
        assert isinstance(any_database, PostgresDatabase)
        url = str(any_database.url).replace("+psycopg", "")
    path.write_text(f"store: {{url: '{url}'}}\n")
    return path
