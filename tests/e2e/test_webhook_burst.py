"""A storm reaches the store before Alertmanager loses patience, and people get a few messages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.burst import burst
from tests.e2e.programs import programs_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ALERTS = 2_000


def test_2000_alerts_at_once_are_stored_without_a_failed_request(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with programs_in(tmp_path) as programs:
        found = burst(programs, ALERTS, longest=30)

    assert found.stored == ALERTS
    assert found.failed == 0
    assert found.requests == ALERTS
    log = (tmp_path / "webhook.log").read_text()
    # Ten in a quarter of an hour, the last of which is kept for a digest; the end of the test may
    # come before the ninth was sent.
    assert 0 < log.count("msg=notification ") <= 9
    record_property("burst_stored_after_seconds", round(found.seconds, 1))
