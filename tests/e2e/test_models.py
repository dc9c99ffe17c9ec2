"""From a bad fit, or a damaged one, to a model that is good again, on the real programs."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from quickstart.stack import ROOT
from tests.e2e.receiver import Delivery, Receiver
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

FLIPPED = 64
"""Bytes in the middle of a file, as a bad sector would have them."""


def models(stack: Stack, action: str, query: str) -> str:
    """Run a command as an operator does, and return what it prints."""
    command = [sys.executable, "-m", "exporter", "models", action, "--query", query]
    command += ["--config.file", str(stack.folder / "config" / "exporter.yml")]
    if action in ("refit", "rollback"):
        command += ["--exporter.url", stack.urls["exporter"]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fits(stack: Stack, query: str) -> dict[int, str]:
    """Return what `models list` says of each fit."""
    told: dict[int, str] = {}
    for line in models(stack, "list", query).splitlines():
        first, *rest = line.split(maxsplit=1)
        if first.isdigit():
            number = int(first)
            told[number] = " ".join(rest)
        elif told:  # goes on
            told[number] += f" {line.strip()}"
    return told


def version(stack: Stack, query: str) -> float | None:
    return stack.value(f'anomaly_exporter_model_version{{query="{query}"}}')


def wait_for_version(stack: Stack, query: str, number: int) -> None:
    stack.wait_for(f"version {number} to be in force", lambda: version(stack, query) == number, 90)


def decided(stack: Stack, query: str, decision: str) -> float:
    labels = f'{{query="{query}",decision="{decision}"}}'
    return stack.value(f"anomaly_exporter_model_decisions_total{labels}") or 0.0


def came_back(stack: Stack, query: str, reason: str) -> float:
    labels = f'{{query="{query}",reason="{reason}"}}'
    return stack.value(f"anomaly_exporter_model_rollbacks_total{labels}") or 0.0


def wait_for_scores(stack: Stack, query: str, since: float) -> None:
    stack.wait_for(
        f"scores of {query} after the change",
        lambda: any(
            when > since for when, _ in stack.samples(f'anomaly_score{{query="{query}"}}', 1)
        ),
        30,
    )


def damage(stack: Stack, query: str, number: int) -> int:
    """Flip bytes in the state file and in all that is kept of a version; return how many files."""
    state = stack.folder / "exporter.state"
    versions = list((stack.folder / "exporter.state.models" / query).glob(f"{number}.*"))
    for path in (state, *versions):
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        for i in range(middle, middle + FLIPPED):
            content[i] ^= 0xFF
        path.write_bytes(content)
    return len(versions)


def about_damage(receiver: Receiver, query: str) -> list[Delivery]:
    return [
        one
        for one in receiver.deliveries
        if one.body["labels"]["alertname"] == "AnomalyModelDamaged"
        and one.body["labels"].get("query") == query
    ]


def test_a_challenger_that_learned_garbage_is_refused(stack: Stack) -> None:
    stack.wait_until_ready(seconds=180)
    wait_for_version(stack, "spoilt", 1)
    said = models(stack, "refit", "spoilt")
    assert "spoilt" in said
    stack.wait_for("the decision", lambda: decided(stack, "spoilt", "refused") == 1, 90)

    told = fits(stack, "spoilt")
    assert "in force" in told[1]
    assert "command" in told[2]
    assert "refused: worse in " in told[2]
    assert "band_width_ratio" in told[2]
    log = (stack.folder / "exporter.log").read_text()
    (line,) = [
        one for one in log.splitlines() if "refused a challenger" in one and "query=spoilt" in one
    ]
    assert "band_width_ratio" in line
    wait_for_scores(stack, "spoilt", time.time())
    assert version(stack, "spoilt") == 1
    assert decided(stack, "spoilt", "promoted") == 0
    assert stack.value('anomaly_exporter_model_refusals{query="spoilt"}') == 1


def test_a_damaged_fit_gives_way_to_the_one_before_and_that_is_taken_back(
    stack: Stack, receiver: Receiver, record_property: Callable[[str, object], None]
) -> None:
    for number in (2, 3):
        models(stack, "refit", "kept")
        wait_for_version(stack, "kept", number)
    stack.kill("exporter")
    files = damage(stack, "kept", 3)
    damaged = time.time()
    stack.start("exporter")
    stack.wait_until_ready("exporter", seconds=60)

    wait_for_version(stack, "kept", 2)
    stack.wait_for("that to be counted", lambda: came_back(stack, "kept", "damaged") == 1, 30)
    told = fits(stack, "kept")
    assert told.keys() == {1, 2, 3}, "it began anew"
    assert "in force" in told[2]
    assert "damaged" in told[3]
    aside = list((stack.folder / "exporter.state.models" / "kept").glob("3.*.corrupt"))
    assert len(aside) == files
    wait_for_scores(stack, "kept", time.time())
    (fired,) = stack.wait_for("the notification", lambda: about_damage(receiver, "kept"), 60)
    assert fired.body["status"] == "firing"
    assert fired.body["severity"] == "warning"
    assert fired.body["annotations"]["runbook_url"].endswith("#anomalymodeldamaged")
    record_property("model_damage_notified_after_seconds", round(fired.at - damaged, 1))

    said = models(stack, "rollback", "kept")
    assert "1" in said
    wait_for_version(stack, "kept", 1)
    stack.wait_for("that to be counted", lambda: came_back(stack, "kept", "command") == 1, 30)
    assert "in force" in fits(stack, "kept")[1]
    wait_for_scores(stack, "kept", time.time())
