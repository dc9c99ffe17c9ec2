"""Verdicts and marks on the command line, beside a daemon that has the store open."""

import asyncio
import json
from pathlib import Path

import pytest

from promkit.clock import ManualClock
from tests.webhook.adapters.storing import rows
from tests.webhook.deliveries import NOW
from tests.webhook.judging import SERIES, judged, open_incident
from tests.webhook.tuning import Tuning
from webhook.adapters.database import Database
from webhook.adapters.schema import audit, feedback, missed
from webhook.adapters.store import open_store
from webhook.cli import main
from webhook.config import WebhookConfig


def call(config: Path, *arguments: str) -> int:
    return main([*arguments, "--config.file", str(config)])


def test_the_tenth_verdict_moves_a_threshold_however_it_is_given(
    config: Path, any_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scene() -> None:
        with open_store(any_database) as store:
            tuning = Tuning(store, ManualClock(NOW), WebhookConfig())
            await judged(store, "false_alarm", 9)
            number = await open_incident(store)
            given = ("verdict", str(number), "false_alarm", "--author", "ana", "--reason", "noise")
            assert await asyncio.to_thread(call, config, *given) == 0
            assert await asyncio.to_thread(call, config, *given) == 0
            await tuning.tuner.run()
            tuning.tuner.close()
            assert await tuning.ratios() == [("cpu", SERIES, 1.1)]
            *_, row = await rows(store, feedback)
            assert (row.incident_id, row.verdict, row.reason, row.author, row.via) == (
                number, "false_alarm", "noise", "ana", "cli",
            )  # fmt: skip
            lines = [line for line in await rows(store, audit) if line.action == "verdict"]
            assert [line.actor for line in lines] == ["ana"]

    asyncio.run(scene())
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "incident 10 (cpu) is false alarm",
        "its threshold is looked at by the running daemon within a minute",
        "incident 10 (cpu) is false alarm, as it was before",
        "its threshold is looked at by the running daemon within a minute",
    ]


def test_what_follows_from_a_verdict_is_said(
    config: Path, any_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async def put() -> None:
        with open_store(any_database) as store:
            await judged(store, "confirmed", 1)
            await judged(store, None, 1, labels={"alertname": "AnomalyForecast", "query": ""})

    asyncio.run(put())
    assert call(config, "verdict", "1", "maintenance") == 0
    assert call(config, "verdict", "2", "confirmed") == 0
    assert call(config, "verdict", "3", "confirmed") == 1
    config.write_text(config.read_text() + "tuning: {enabled: false}\n")
    assert call(config, "verdict", "1", "maintenance") == 0
    with pytest.raises(SystemExit) as ended:
        call(config, "verdict", "1", "perhaps")
    assert ended.value.code == 2
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "incident 1 (cpu) is maintenance; before: confirmed"
    assert lines[2:4] == [
        "incident 2 (AnomalyForecast) is confirmed",
        "this alert does not come from a score, so no threshold is moved",
    ]
    assert lines[4].startswith("nothing was changed: there is no incident 3, or it is older")
    assert lines[6] == "verdicts move no thresholds here (tuning.enabled)"
    assert "expected_change" in said.err


def test_marks_are_made_listed_and_taken_back(
    config: Path, any_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_store(any_database) as store:
        assert call(config, "missed", "list") == 0
        series = ("--labels", "instance=db:9100")
        add = ("missed", "add", "cpu", "--start", "-2h", "--end", "-90m")
        assert call(config, *add, *series, "--reason", "disk full") == 0
        assert call(config, *add) == 1
        assert call(config, *add, "--labels", "instance=web", "--author", "ana") == 0
        assert call(config, "missed", "add", "a b", "--start", "-2h", "--end", "-1h") == 1
        assert call(config, "missed", "withdraw", "1", "--reason", "wrong day") == 0
        assert call(config, "missed", "withdraw", "1") == 1
        said = capsys.readouterr().out.splitlines()
        assert call(config, "missed", "list", "--query", "cpu", "--limit", "5") == 0
        newest, oldest = capsys.readouterr().out.splitlines()
        assert call(config, "missed", "list", "--json", "--limit", "1") == 0
        (shown,) = map(json.loads, capsys.readouterr().out.splitlines())
        first, second = asyncio.run(rows(store, missed))

    assert said[0] == "nobody has marked anything"
    assert said[1].startswith('mark 1: cpu{instance="db:9100"} missed an alert from 20')
    assert said[2].startswith("no threshold is moved, since nobody can look up the scores")
    assert said[3].startswith("nothing was changed: it overlaps missed-1 of the same series")
    assert said[6].startswith("nothing was changed: query is 'a b'; allowed")
    assert said[7] == 'mark 1 of cpu{instance="db:9100"} counts no more'
    assert said[8].startswith("nothing was changed: mark 1 was taken back at")
    assert newest.endswith('cpu{instance="web"}  ana')
    assert 'cpu{instance="db:9100"}  command line: disk full, taken back 20' in oldest
    assert (shown["id"], shown["via"], shown["labels"]) == (2, "cli", {"instance": "web"})
    assert first.ends_at - first.starts_at == pytest.approx(1800, abs=5)
    assert (first.withdrawn_at is None, second.withdrawn_at) == (False, None)


def test_a_time_that_is_none_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call(config, "missed", "add", "cpu", "--start", "soon", "--end", "-1h")
    assert ended.value.code == 2
    assert "found 'soon'; allowed: RFC 3339" in capsys.readouterr().err
