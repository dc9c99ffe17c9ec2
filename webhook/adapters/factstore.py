"""What small facts survive a restart, and are the same for every replica?"""

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from webhook.adapters.schema import facts


def put_fact(connection: Connection, name: str, value: object, now: float) -> None:
    """Write down a value that JSON can hold, in place of an earlier one; `now` in unix seconds."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {"value": value, "changed_at": now}
    statement = insert(facts).values(name=name, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=row))


def get_fact(connection: Connection, name: str) -> Any:
    """Return what was written down last, None when nothing was."""
    return connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()
