"""The stack that all end-to-end tests share, and what they measured."""

import math
import time
from collections.abc import Iterator

import pytest
from _pytest.terminal import TerminalReporter

from tests.e2e.configs import EXPORTER, HOLIDAYS, WEBHOOK
from tests.e2e.disk import Disk, Filling
from tests.e2e.receiver import Receiver
from tests.e2e.stack import Stack

PACE = 2_000_000.0
"""Bytes per second by which the disk fills: much next to the few MB that others may put there."""

SECONDS = 260.0
"""Until it is full. A forecaster believes in it after about 80, the rules two minutes later."""

SHIFT_AFTER = 240
"""Seconds that the programs may take to come up, compile and check for drift."""

CLEAN = 90
"""Seconds before the stack begins that are free of garbage: more than a look-back of it."""


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return Disk(tmp_path_factory.mktemp("disk"), room=int(2 * PACE * SECONDS))


@pytest.fixture(scope="session")
def limit(disk: Disk) -> float:
    """Bytes of the disk that should not be reached."""
    return disk.used + PACE * SECONDS


@pytest.fixture(scope="session")
def shift() -> float:
    """Unix second at which the noise jumps, after a baseline and a look at it."""
    return math.floor(time.time()) + SHIFT_AFTER


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    receiver: Receiver,
    disk: Disk,
    limit: float,
    shift: float,
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    exporter = EXPORTER.replace("{mount}", str(disk.mount))
    exporter = exporter.replace("{share}", repr(limit / disk.size))
    exporter = exporter.replace("{shift}", str(shift))
    exporter = exporter.replace("{began}", str(shift - SHIFT_AFTER - CLEAN))
    stack = Stack(folder, exporter, WEBHOOK.replace("{receiver}", receiver.url))
    (folder / "config" / "holidays.ics").write_text(HOLIDAYS)
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(scope="session")
def filling(stack: Stack, disk: Disk, limit: float) -> Iterator[Filling]:
    """Fill the disk from the first forecast on, whatever else is tested meanwhile."""
    # Kernels are compiled, once per version of the sources, those of forecasters after the others.
    stack.wait_until_ready(seconds=180)
    forecasts = 'anomaly_exporter_forecasts_total{query="disk_used"} > 0'
    stack.wait_for("a forecast", lambda: stack.query(forecasts), 180)
    with Filling(disk, PACE, limit) as filling:
        yield filling


@pytest.fixture(scope="session")
def crossed(stack: Stack, filling: Filling) -> float:
    """Wait until the disk is full, and seen to be; return when that was, in unix seconds."""
    stack.wait_for("the limit to be reached", lambda: filling.crossed, SECONDS + 30)
    seen = 'anomaly_value{query="disk_used"} >= anomaly_forecast_limit'
    stack.wait_for("that to be seen", lambda: stack.query(seen), 30)
    assert filling.crossed is not None
    return filling.crossed


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"measured: {name} {value}")
