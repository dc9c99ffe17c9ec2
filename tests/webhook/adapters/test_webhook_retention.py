"""What is deleted for its age, and what of it can be read afterwards."""

import gzip
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert

from tests.webhook.adapters.storing import DAY, record, rows, send_all
from tests.webhook.deliveries import NOW, alert
from webhook.adapters.archive import Archive
from webhook.adapters.database import newest_revision
from webhook.adapters.schema import (
    audit,
    incident_groups,
    incidents,
    metadata,
    missed,
    observations,
    patterns,
)
from webhook.adapters.store import Store
from webhook.errors import ArchiveError

OLD = NOW - 91 * DAY
CHANNELS = ["chat", "pager"]


async def fill(store: Store, count: int = 1, at: float = OLD) -> None:
    """Store incidents that were opened, told, closed and told, with all that goes with them."""
    names = [f"f{i}" for i in range(count)]
    await record(store, *(alert(fingerprint=name, starts_at=at) for name in names), now=at)
    await send_all(store, "chat", at)
    ends = (alert("resolved", name, starts_at=at, ends_at=at + 1) for name in names)
    await record(store, *ends, now=at + 1)
    for channel in CHANNELS:
        await send_all(store, channel, at + 1)
    await store.keep_body(b"\x00\xff", "odd", at)
    entry = {"at": at, "actor": "ana", "action": "verdict", "subject": "1", "detail": ""}
    group = {"opened_at": at, "closed_at": at, "labels": {}, "why": ""}
    await store.write(lambda connection: connection.execute(insert(audit), entry))
    await store.write(lambda connection: connection.execute(insert(incident_groups), group))
    series = {"query": "cpu", "labels": {}, "labels_key": "{}"}
    mark = {"starts_at": at, "ends_at": at, "reason": "", "author": "ana", "via": "api"}
    pattern = {"minute": 3.0, "timezone": "UTC", "step": 15.0, "lower": [0.0], "upper": [1.0]}
    seen = {"incident_id": 1, "observed_at": at, "detectors": {}}
    for table, row in (
        (missed, {**series, **mark, "created_at": at}),
        (patterns, {**series, **pattern, "incidents": [1], "created_at": at, "expires_at": at}),
        (observations, seen),
    ):
        await store.write(partial(add, table, row))


def add(table: Table, row: dict[str, Any], connection: Connection) -> None:
    connection.execute(insert(table), row)


def read(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.iterdir()
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


async def everything(store: Store) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: [dict(row._mapping) for row in await rows(store, table)]
        for table in metadata.sorted_tables
    }


async def test_everything_that_is_deleted_can_be_read_in_the_archive(
    store: Store, tmp_path: Path
) -> None:
    await fill(store)
    before = await everything(store)
    for kept in ("channel_states", "facts", "thresholds", "weights", "feedback"):
        assert before.pop(kept) == []
    assert all(before.values()), "the test has a row of every kind that ages"

    deleted = await store.clean(CHANNELS, 90 * DAY, NOW, Archive(tmp_path / "archive"))

    assert deleted == 8
    assert not any((await everything(store)).values())
    found: dict[str, list[dict[str, Any]]] = {}
    for line in read(tmp_path / "archive"):
        if "table" in line:
            found.setdefault(line["table"], []).append(line["row"])
        else:
            assert line == {
                "format": "anomaly-webhook-archive",
                "version": 1,
                "schema": newest_revision(),
                "archived_at": NOW,
            }
    assert found.pop("quarantine")[0]["body"] == "AP8="
    del before["quarantine"]
    assert {name: sorted(rows, key=lambda row: row["id"]) for name, rows in found.items()} == before


@pytest.mark.parametrize("table", [missed, patterns], ids=str)
async def test_a_number_that_others_speak_of_is_never_given_again(
    store: Store, table: Table
) -> None:
    await fill(store)
    (first,) = await rows(store, table)
    await store.clean(CHANNELS, DAY, NOW)
    assert await rows(store, table) == []

    values = {name: value for name, value in first._mapping.items() if name != "id"}
    await store.write(partial(add, table, values))
    (second,) = await rows(store, table)
    assert second.id > first.id


async def test_many_rows_are_archived_in_pieces_that_make_one_file(
    store: Store, tmp_path: Path
) -> None:
    await fill(store, 600)

    await store.clean(CHANNELS, 90 * DAY, NOW, Archive(tmp_path / "archive"))

    lines = read(tmp_path / "archive")
    names = [line["row"]["fingerprint"] for line in lines if line.get("table") == "incidents"]
    assert sorted(names) == sorted(f"f{i}" for i in range(600))
    assert sum("format" in line for line in lines) > 2
    assert await rows(store, incidents) == []


async def test_what_cannot_be_archived_is_not_deleted(store: Store, tmp_path: Path) -> None:
    await fill(store)
    before = await everything(store)
    (tmp_path / "archive").touch()

    with pytest.raises(ArchiveError, match="stays in the store"):
        await store.clean(CHANNELS, 90 * DAY, NOW, Archive(tmp_path / "archive"))

    assert await everything(store) == before
    assert store.failure is None, "alerts are taken all the same"


@pytest.mark.parametrize("cut", [0, 1, 30])
def test_what_a_kill_left_half_written_does_not_spoil_the_rest(tmp_path: Path, cut: int) -> None:
    path = Archive(tmp_path).append([("facts", {"name": "a"})], "0002", NOW)
    whole = path.stat().st_size
    Archive(tmp_path).append([("facts", {"name": "b"})], "0002", NOW)
    os.truncate(path, whole + cut)

    Archive(tmp_path).append([("facts", {"name": "c"})], "0002", NOW)

    found = [line["row"]["name"] for line in read(tmp_path) if "row" in line]
    assert found == ["a", "c"]


def test_a_file_that_ends_in_something_else_is_cut_where_it_was_whole(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    path = archive.append([("facts", {"name": "a"})], "0002", NOW)
    with path.open("ab") as file:
        file.write(b"this is no gzip")

    archive.append([("facts", {"name": "b"})], "0002", NOW)

    assert [line["row"]["name"] for line in read(tmp_path) if "row" in line] == ["a", "b"]
