"""How does a row of any table become a line of JSON, and a row again?"""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import LargeBinary, Row, Table


def values_of(row: Row[Any]) -> dict[str, Any]:
    """Return a row by the names of its columns, which SQLAlchemy keeps as strings of its own."""
    return {str(name): value for name, value in row._mapping.items()}


def line_of(value: object) -> bytes:
    """Return one line of JSON; bytes within become base64."""
    return msgspec.json.encode(value) + b"\n"


def row_of(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a line said of a row, as the table takes it.

    Raises
    ------
    ValueError
        If it has a column that the table has not, or lacks one.
    """
    expected, found = set(table.c.keys()), set(values)
    if expected != found:
        raise ValueError(
            f"a row of {table.name} has the columns {', '.join(sorted(found))}; "
            f"expected: {', '.join(sorted(expected))}"
        )
    row = dict(values)
    for column in table.c:
        if isinstance(column.type, LargeBinary) and row[column.name] is not None:
            row[column.name] = msgspec.convert(row[column.name], bytes, strict=False)
    return row
